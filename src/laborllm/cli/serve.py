"""The verb that serves a model as a page and an API."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from laborllm.errors import OptionError


def serve(
    run: Annotated[
        str, Parameter(help="Run folder, as `laborllm fit` writes it, or the name of a model that comes with laborllm.")
    ] = "nlsy",
    /,
    *,
    host: Annotated[str, Parameter(help="Address to listen on; the default is this machine only.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on.")] = 8000,
    keys: Annotated[
        Path | None, Parameter(help="File of API keys, one a line, one of which every request must carry.")
    ] = None,
    rate: Annotated[float, Parameter(help="Requests a second that one client may make in the long run.")] = 20.0,
    unaudited: Annotated[
        bool, Parameter(help="Serve a model though nobody measured how much it repeats of single careers.", negative="")
    ] = False,
) -> None:
    """Open a page that forecasts careers, with an API behind it, until it is stopped.

    Example: `laborllm serve runs/nemo --unaudited --port 8080`
    """
    try:
        from laborllm.serve.run import read_keys, require_free, run_server
        from laborllm.serve.served import Served
        from laborllm.serve.settings import Settings
    except ModuleNotFoundError as error:
        raise OptionError(f"a server needs the package {error.name}: pip install 'laborllm[serve]'") from error

    settings = Settings(host=host, port=port, keys=read_keys(keys), rate=rate)
    require_free(settings)
    served = Served.load(run)
    if not unaudited:
        served.require_audited()
    run_server(served, settings)
