"""A program as an ONNX file, written directly for a target."""
