"""Language models: base models, fine-tuning on career texts, and exact probabilities of titles."""

import logging

for _name in ("torchao", "torch.utils._pytree"):  # transformers loads torchao, which tells of kernels for other machines
    logging.getLogger(_name).setLevel(logging.ERROR)
