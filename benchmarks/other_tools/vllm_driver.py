"""Run by the Python of an environment that has vLLM: reads a line of JSON, loads the model, then answers every further
line with what one round gave. Knows nothing of laborllm.

First line: {"model": folder, "prompts": [[token, ...]], "titles": [[token, ...]], "context": tokens, "processor_time":
whether seconds are of the processor}. Each answer: {"log_prob": [nats], "seconds": number, "tokens": not cached,
"memory": bytes at most so far, of a GPU where there is one, "version": of vLLM}.
"""

import json
import os
import resource
import sys
import time
from typing import Any

os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # one process, so that its time and memory are all
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # gigabytes

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what others print must not stand among the answers


def main() -> None:
    from vllm import LLM, SamplingParams, TokensPrompt, __version__

    request = json.loads(sys.stdin.readline())
    model = LLM(
        request["model"],
        dtype="float32",
        enforce_eager=True,
        enable_prefix_caching=True,
        max_model_len=request["context"],
        gpu_memory_utilization=0.1,  # set aside at once, of a GPU that others use too
        disable_log_stats=True,
    )
    pairs = list(zip(request["prompts"], request["titles"], strict=True))
    texts = [TokensPrompt(prompt_token_ids=prompt + title) for prompt, title in pairs]
    clock = time.process_time if request["processor_time"] else time.perf_counter
    sampling = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0)
    for _ in sys.stdin:
        model.reset_prefix_cache()
        start = clock()
        outputs = model.generate(texts, sampling, use_tqdm=False)
        seconds = clock() - start
        answer = {
            "log_prob": [_log_prob(output, title) for output, (_, title) in zip(outputs, pairs, strict=True)],
            "seconds": seconds,
            "tokens": sum(len(output.prompt_token_ids) - (output.num_cached_tokens or 0) for output in outputs),
            "memory": _peak_memory(),
            "version": __version__,
        }
        print(json.dumps(answer), file=answers, flush=True)


def _peak_memory() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _log_prob(output: Any, title: list[int]) -> float:
    places = output.prompt_logprobs[-len(title) :]
    return sum(float(place[token].logprob) for place, token in zip(places, title, strict=True))


if __name__ == "__main__":
    main()
