"""What makes the files that come with laborllm."""
