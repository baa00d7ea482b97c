"""The floor of this machine: what the web server answers when a page asks nothing of anybody."""

from benchmarks.ground import Ground, Ratio, Report, Request, load


def run(ground: Ground) -> Report:
    """`/healthz`, kept connections, 16 and 32 at once."""
    with ground.site() as site:
        site.serve()
        load(site.url, [Request("GET", "/healthz")] * 200, at_once=16)
        few = load(site.url, [Request("GET", "/healthz")] * 2000, at_once=16)
        many = load(site.url, [Request("GET", "/healthz")] * 2000, at_once=32)
    return Report(
        [
            Ratio(
                "answers per second at 32 at once against 16", many.per_second / few.per_second, at_least=0.6
            )
        ],
        {"at_16": few.summary(), "at_32": many.summary()},
    )
