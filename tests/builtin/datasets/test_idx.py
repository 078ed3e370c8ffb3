import gzip
import lzma

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gansearch.builtin.datasets.idx import LARGEST_ARRAY, read_idx, write_idx
from gansearch.errors import DataError

PACKED = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}
same_folder = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@given(arrays(np.uint8, array_shapes(max_dims=3, max_side=6)), st.sampled_from(list(PACKED)))
@same_folder
def test_what_is_written_is_read_back(tmp_path, array, ending):
    path = tmp_path / f"array{ending}"
    path.write_bytes(PACKED[ending](write_idx(array)))
    assert np.array_equal(read_idx(path, dimensions=array.ndim), array)


@given(st.binary(max_size=80), st.sampled_from(list(PACKED)))
@same_folder
def test_any_bytes_are_either_read_or_refused(tmp_path, content, ending):
    path = tmp_path / f"noise{ending}"
    path.write_bytes(content)
    try:
        assert read_idx(path, dimensions=3).nbytes <= len(content)
    except DataError as error:
        assert "noise" in str(error)


@given(st.data())
@same_folder
def test_a_cut_compressed_file_is_refused(tmp_path, data):
    packed = gzip.compress(write_idx(np.arange(200, dtype=np.uint8)))
    path = tmp_path / "cut.gz"
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(DataError, match=r"cut\.gz"):
        read_idx(path, dimensions=1)


def test_a_byte_too_many_is_refused(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(write_idx(np.zeros(3, np.uint8)) + b"\0")
    with pytest.raises(DataError, match="long goes on after the 3 bytes"):
        read_idx(path, dimensions=1)


def test_a_header_that_claims_terabytes_is_refused_before_anything_is_unpacked(tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(bytes((0, 0, 8, 3)) + b"\xff\xff\xff\xff" * 3)
    with pytest.raises(DataError, match=f"at most {LARGEST_ARRAY}"):
        read_idx(path, dimensions=3)


def test_another_rank_is_refused(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(write_idx(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match="labels is no idx file of bytes in 3 dimensions"):
        read_idx(path, dimensions=3)


def test_only_bytes_are_written():
    with pytest.raises(TypeError, match="safe"):
        write_idx(np.zeros(3, np.float32))
