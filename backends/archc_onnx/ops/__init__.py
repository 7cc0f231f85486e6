"""How each op is written in ONNX, by families: a module has the `LINES` of its ops."""
