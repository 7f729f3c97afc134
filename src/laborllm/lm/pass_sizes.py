"""How much is computed at a time, by the type of the device: a matter of speed and memory alone.

On a CPU, what lies between two products stays in its cache; a GPU is kept busy by long ones.
"""

TRAINING_TOKENS = {"cpu": 1024, "cuda": 16384}  # of careers in one pass of training, unless the recipe says otherwise
FORWARD_TOKENS = {"cpu": 1024, "cuda": 8192}  # of careers in one pass without gradients, at least one career
TRIE_NODES = {"cpu": 512, "cuda": 8192}  # of the tries of titles in one pass
LOGIT_ROWS = {"cpu": 256, "cuda": 4096}  # tokens whose logits exist at a time in training, over all of a vocabulary
SOFTMAX_ROWS = {"cpu": 16, "cuda": 4096}  # of these, the rows whose softmax and gradient are computed at a time
LOGIT_COLUMNS = {"cpu": 2048, "cuda": 16384}  # of the vocabulary for which logits exist at a time in scoring
