import errno
import json

import pytest

from companion.deploy import records
from companion.deploy.records import Log, LogError, read

SOME = [{"id": "a", "value": 0.1 + 0.2}, {"id": "é\n\r\u2028", "list": [1, None]}, {}]


def test_records_come_back_as_they_were(tmp_path):
    with Log(tmp_path / "log") as log:
        log.append(SOME[:1])
        log.append(SOME[1:])
    found, end = read(tmp_path / "log")
    assert found == SOME
    assert end == (tmp_path / "log").stat().st_size


def test_a_part_can_be_read(tmp_path):
    path = tmp_path / "log"
    with Log(path) as log:
        log.append(SOME[:2])
        middle = read(path)[1]
        log.append(SOME[2:])
    assert read(path, start=middle)[0] == SOME[2:]
    assert read(path, stop=middle) == (SOME[:2], middle)
    assert read(tmp_path / "missing") == ([], 0)


def test_wherever_the_last_line_is_torn_the_others_are_whole(tmp_path):
    path = tmp_path / "log"
    with Log(path) as log:
        log.append(SOME)
    whole = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends)
        assert read(path)[0] == SOME[:kept]
        with Log(path) as log:
            log.append([{"after": size}])
        assert read(path)[0] == [*SOME[:kept], {"after": size}]


def test_every_flipped_bit_inside_is_noticed(tmp_path):
    path = tmp_path / "log"
    with Log(path) as log:
        log.append(SOME)
    whole = path.read_bytes()
    first = whole.index(b"\n")
    for place in range(first):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(LogError, match="damaged at byte"):
            read(path)
        with pytest.raises(LogError, match="damaged at byte"):
            Log(path)


def test_there_is_one_writer(tmp_path):
    with Log(tmp_path / "log"), pytest.raises(LogError, match="another process"):
        Log(tmp_path / "log")
    Log(tmp_path / "log").close()


def test_bad_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Log(tmp_path / "missing" / "log")
    with Log(tmp_path / "log") as log:
        for value in (float("nan"), object()):
            with pytest.raises((ValueError, TypeError)):
                log.append([{"fine": 1}, {"value": value}])
    assert read(tmp_path / "log")[0] == []


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "log"
    with Log(path) as log:
        log.append(SOME[:1])

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(records.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            log.append(SOME[1:])
        monkeypatch.undo()
        log.append([{"later": 1}])
    assert read(path)[0] == [*SOME[:1], {"later": 1}]


def test_a_write_that_comes_in_parts_is_finished(tmp_path):
    with Log(tmp_path / "log") as log:
        file = log._file

        class Slow:
            def write(self, data):
                return file.write(data[:7])

            def __getattr__(self, name):
                return getattr(file, name)

        log._file = Slow()
        log.append(SOME)
    assert read(tmp_path / "log")[0] == SOME


def test_a_line_is_what_the_documentation_says(tmp_path):
    import zlib

    with Log(tmp_path / "log") as log:
        log.append([{"kind": "feedback"}])
    digest, text = (tmp_path / "log").read_text().rstrip("\n").split(" ", 1)
    assert int(digest, 16) == zlib.crc32(text.encode())
    assert json.loads(text) == {"kind": "feedback"}
