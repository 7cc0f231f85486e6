"""A program as readable PyTorch source, and as the module which that source defines."""
