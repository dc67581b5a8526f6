"""The picture of docs/live.md: `make control-room-pictures` takes it of the page of four cameras that are not there.

Streets and people on it are drawn; their faces are covered where the drawing says that they are.
"""

import cv2
from playwright.sync_api import expect

from anonymize.web.server import Server
from tests.helpers.browser import browser, window
from tests.helpers.control_room import Cameras
from tests.helpers.live import SIZE, street_scene
from tests.helpers.review_pictures import take

_EACH = 23
"""Pictures of the scene from one camera to the next."""


def main() -> None:
    """Take it."""
    cameras = Cameras(4)
    for number, camera in enumerate(cameras.children.values()):
        scene, truth = street_scene()[5 + _EACH * number]
        covered = scene.copy()
        for subject in truth.subjects:
            x0, y0, x1, y1 = (round(value) for value in subject.xyxy)
            middle, axes = ((x0 + x1) // 2, (y0 + y1) // 2), ((x1 - x0) * 2 // 3, (y1 - y0) * 2 // 3)
            cv2.ellipse(covered, middle, axes, 0, 0, 360, (0, 0, 0), -1)
        camera.scene = covered
    server = Server(0, cameras.app(), "a-token-for-pictures")
    try:
        with browser() as launched, window(launched) as page:
            page.goto(server.address)
            for number in range(4):
                expect(page.locator("article img").nth(number)).to_have_js_property("naturalWidth", SIZE[0])
            page.wait_for_timeout(500)
            take(page, "control-room")
    finally:
        server.close()


if __name__ == "__main__":
    main()
