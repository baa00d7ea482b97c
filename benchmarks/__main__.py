"""`make bench [names…]`: run every `bench_*.py`, print its ratios, write `var/bench/<name>.json`.

A benchmark is a module with `run(ground: Ground) -> Report`. The exit code is 1 where a promise is not kept.
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
    chosen = [name for name in found if not names or name in names or name.removeprefix("bench_") in names]
    results = FOLDER.parent / "var" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    broken = 0
    ground = Ground()
    try:
        for name in chosen:
            begun = time.monotonic()
            report = importlib.import_module(f"benchmarks.{name}").run(ground)
            seconds = time.monotonic() - begun
            print(f"\n{name} ({seconds:.0f} s)", flush=True)
            for ratio in report.ratios:
                broken += not ratio.kept
                print(f"  {'kept  ' if ratio.kept else 'BROKEN'} {ratio}", flush=True)
            (results / f"{name}.json").write_text(
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
