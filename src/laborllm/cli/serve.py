"""The verb that serves a model as a page and an API."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from laborllm.errors import OptionError


def serve(
    run: str = "nlsy",
    /,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    keys: Path | None = None,
    rate: float = 20.0,
    rates: Path | None = None,
    unaudited: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Open a page that forecasts careers, with an API behind it, until it is stopped.

    Example: `laborllm serve runs/nemo --unaudited --port 8080`

    Args:
        run: Run folder, as `laborllm fit` writes it, or the name of a model that comes with laborllm.
        host: Address to listen on; the default is this machine only.
        port: Port to listen on.
        keys: File of API keys, one a line, one of which every request must carry.
        rate: Requests a second that one client may make in the long run.
        rates: Rates that laborllm backtest wrote of this model, on people not tested: ranges of groups then hold the
            error that all people of a group share; default: known of a model that comes with laborllm.
        unaudited: Serve a model though nobody measured how much it repeats of single careers.
    """
    try:
        from laborllm.serve.run import read_keys, require_free, run_server
        from laborllm.serve.served import Served
        from laborllm.serve.settings import Settings
    except ModuleNotFoundError as error:
        raise OptionError(f"a server needs the package {error.name}: pip install 'laborllm[serve]'") from error

    settings = Settings(host=host, port=port, keys=read_keys(keys), rate=rate)
    require_free(settings)
    served = Served.load(run, rates)
    if not unaudited:
        served.require_audited()
    run_server(served, settings)
