"""ONNX files in onnxruntime: running, verification and latency."""
