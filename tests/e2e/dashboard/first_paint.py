"""How soon the dashboard shows a control plane of 1,000 services: prints milliseconds, and ends with 1 when a page takes longer than
a second. A command of its own, because a busy machine is no fault of the program:

  BERTH_BUILD=build/release python3 tests/e2e/dashboard/first_paint.py [SERVICES]
"""
import concurrent.futures
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from conftest import Berth  # noqa: E402
from test_dashboard import DESK, Browser  # noqa: E402

LIMIT = 1000  # ms
DRAWN = """new Promise((done) => { const look = () => document.querySelector("#main h1 ~ *") ? done(performance.now()) : requestAnimationFrame(look); look(); })"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main(count):
    folder = tempfile.mkdtemp(prefix="berth-first-paint-")
    berth = Berth(folder)
    try:
        berth.start_control("127.0.0.1")
        definition = berth.register("many")
        ecs = berth.ecs
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: ecs.create_service(cluster=berth.cluster, serviceName=f"service-{number:04}", taskDefinition=definition,
                                                            desiredCount=3), range(count)))
        browser = Browser(berth.api)
        browser("screen", **DESK)
        browser("login", token=(berth.folder / "agent/dashboard-token").read_text().strip())
        slow = False
        for name, hash in (("overview", "#/"), ("services", "#/services"), ("events", "#/events"), ("service", f"#/service/{berth.cluster}/service-0000")):
            browser("open", hash=hash)
            browser("reload")
            drawn = browser("evaluate", script=DRAWN)
            painted = browser("evaluate", script=PAINTED)
            rows = browser("count", selector="tbody tr")
            print(f"{name}: first paint {painted:.0f} ms, drawn {drawn:.0f} ms, {rows} rows")
            slow = slow or painted > LIMIT or drawn > LIMIT
        browser.close()
        return 1 if slow else 0
    finally:
        berth.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
