"""The verb that lists what can be fitted."""

from json import dumps

from laborllm.cli.options import AsJson
from laborllm.cli.spec_options import summary


def models(*, json: AsJson = False) -> None:
    """List the occupation models that can be fitted, what each is and takes, and the base models on this machine.

    Example: `laborllm models`
    """
    from laborllm.lm.base.load import list_base_models
    from laborllm.models.registry import MODELS, spec_class

    models = [{"name": name, "about": " ".join(summary(spec_class(name)).split())} for name in MODELS]
    bases = [{"name": base.name, "about": base.about} for base in list_base_models()]
    if json:
        print(dumps({"models": models, "base_models": bases}))
        return
    print("Occupation models, for laborllm fit MODEL:", *(f"{m['name']}: {m['about']}" for m in models), sep="\n  ")
    print("\nBase models, for --base:", *(f"{base['name']}: {base['about']}" for base in bases), sep="\n  ")
    print("  any causal language model of Hugging Face, by its name or its folder")
