"""Language models: base models, fine-tuning on career texts, and exact probabilities of titles."""

import logging

for _name in ("torchao", "torch.utils._pytree"):  # transformers loads it, and it tells of others' kernels
    logging.getLogger(_name).setLevel(logging.ERROR)
