"""`make bench [names…]`: run every `bench_*.py`, print its ratios, write `var/bench/<name>.json`.

A benchmark is a module with `run(ground: Ground) -> Report`. The exit code is 1 where a promise is not kept.
One part of a long one runs alone where its module names it in `PARTS`: `mail:delivery`.
"""

import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    """Run the benchmarks of these names, or all."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from benchmarks.ground import Ground

    found = sorted(path.stem for path in FOLDER.glob("bench_*.py"))
    chosen = [(name, part) for name in found for part in _parts_asked_for(name, names)]
    results = FOLDER.parent / "var" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    broken = 0
    ground = Ground()
    try:
        for name, part in chosen:
            module = importlib.import_module(f"benchmarks.{name}")
            measure = module.PARTS[part] if part else module.run
            begun = time.monotonic()
            report = measure(ground)
            seconds = time.monotonic() - begun
            title = f"{name}:{part}" if part else name
            print(f"\n{title} ({seconds:.0f} s)", flush=True)
            for ratio in report.ratios:
                broken += not ratio.kept
                print(f"  {'kept  ' if ratio.kept else 'BROKEN'} {ratio}", flush=True)
            (results / f"{title.replace(':', '-')}.json").write_text(
                json.dumps(
                    {
                        "ratios": [
                            {
                                "name": ratio.name,
                                "value": ratio.value,
                                "at_least": ratio.at_least,
                                "at_most": ratio.at_most,
                                "kept": ratio.kept,
                            }
                            for ratio in report.ratios
                        ],
                        "measured": report.measured,
                        "seconds": round(seconds, 1),
                        "cores": os.cpu_count(),
                        "python": platform.python_version(),
                    },
                    indent=2,
                    ensure_ascii=False,
                )
                + "\n"
            )
    finally:
        ground.close()
    print(f"\n{len(chosen)} benchmarks, {broken} promises broken", flush=True)
    return 1 if broken or not chosen else 0


def _parts_asked_for(name: str, names: list[str]) -> list[str]:
    """Of a benchmark: "" for the whole of it, or the parts asked for."""
    short = name.removeprefix("bench_")
    if not names or name in names or short in names:
        return [""]
    return [part for whole, _, part in (asked.partition(":") for asked in names) if part and whole == short]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
