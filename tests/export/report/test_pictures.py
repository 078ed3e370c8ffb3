import base64
import io
import shutil

from PIL import Image

from gansearch.export.report.page import report_html
from gansearch.export.report.pictures import real_uri, samples_uri

PREFIX = "data:image/png;base64,"


def shown(uri):
    assert uri.startswith(PREFIX)
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(PREFIX))))


def test_samples_and_real_pictures_are_shown(pictures, made_bundle):
    files = pictures.trial(0)
    shutil.copyfile(made_bundle / "samples.png", files.sample_path(20))
    with shown(samples_uri(files)) as samples, shown(real_uri({"use": "fashion-mnist"})) as real:
        assert samples.size == real.size == (4 * 29, 4 * 29)
    assert report_html(pictures).count(PREFIX) == 2


def test_points_and_data_that_are_not_there_have_no_real_pictures():
    assert real_uri({"use": "ring-2d"}) is None
    assert real_uri({"use": "no-such-data"}) is None
