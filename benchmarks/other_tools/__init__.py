"""How others read the probabilities of titles off the same model, each as its users would write it."""
