"""What networks run on: exported graphs (ONNX Runtime, CPUs) or torch (training, GPUs)."""
