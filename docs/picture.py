"""Convert a part of a video to a looping animation (WebP), such as docs/images/street.webp."""

import argparse

import cv2
from PIL import Image


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", help="such as demo/street.mp4")
    parser.add_argument("animation", help="the .webp file to write")
    parser.add_argument("--frames", nargs=2, type=int, default=(75, 200), metavar=("FROM", "TO"))
    parser.add_argument("--every", type=int, default=2, help="keep every so many frames")
    parser.add_argument("--quality", type=int, default=40, help="0 to 100")
    options = parser.parse_args()
    video = cv2.VideoCapture(options.video)
    rate, images = video.get(cv2.CAP_PROP_FPS), []
    for index in range(options.frames[1]):
        success, image = video.read()
        if not success:
            parser.error(f"{options.video}: no frame {index} could be read; see --frames")
        if index >= options.frames[0] and (index - options.frames[0]) % options.every == 0:
            images.append(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
    images[0].save(
        options.animation,
        save_all=True,
        append_images=images[1:],
        duration=round(1000 * options.every / rate),
        loop=0,
        quality=options.quality,
    )


if __name__ == "__main__":
    main()
