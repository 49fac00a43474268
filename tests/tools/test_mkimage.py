"""mkimage: the layout, the same bytes every time, and what it refuses."""
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

MKIMAGE = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "mkimage"
PAGE = 4096
HEADER = struct.Struct("<8sIIQQQ")
NODE = struct.Struct("<IIIIQQ")


class MkImage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()      # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        self.tree = self.top / "tree"
        (self.tree / "b" / "d").mkdir(parents=True)
        (self.tree / "a").write_bytes(b"contents a")
        (self.tree / "b" / "c").write_bytes(b"")
        (self.tree / "e").write_bytes(b"e" * (PAGE + 1))

    def run_tool(self, name="out.pack"):
        done = subprocess.run([MKIMAGE, "-o", self.top / name, self.tree], capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stderr.strip()

    def read(self, name="out.pack"):
        self.assertEqual(self.run_tool(name), (0, ""))
        data = (self.top / name).read_bytes()
        magic, version, count, names, names_bytes, size = HEADER.unpack_from(data)
        self.assertEqual((magic, version, size), (b"CHIPACK1", 1, len(data)))
        nodes = [NODE.unpack_from(data, PAGE + i * NODE.size) for i in range(count)]
        return data, [(data[names + n[0]:names + n[0] + n[1]], *n[2:]) for n in nodes], names_bytes

    def test_nodes_are_breadth_first_and_sorted(self):
        data, nodes, names_bytes = self.read()
        self.assertEqual([node[0] for node in nodes], [b"", b"a", b"b", b"e", b"c", b"d"])
        self.assertEqual([node[1] for node in nodes], [1, 0, 1, 0, 0, 1])
        self.assertEqual([node[2] for node in nodes], [3, 0, 2, 0, 0, 0])
        self.assertEqual([nodes[i][3] for i in (0, 2, 5)], [1, 4, 6])
        self.assertEqual(names_bytes, 5)
        self.assertEqual(len(data) % PAGE, 0)

    def test_extents_begin_on_pages(self):
        data, nodes, _ = self.read()
        for node, contents in ((nodes[1], b"contents a"), (nodes[3], b"e" * (PAGE + 1))):
            self.assertEqual(node[3] % PAGE, 0)
            self.assertEqual(data[node[3]:node[3] + node[4]], contents)

    def test_times_modes_and_order_of_creation_do_not_count(self):
        first = self.read()[0]
        other = self.top / "other"
        (other / "b" / "d").mkdir(parents=True)
        for name in ("e", "b/c", "a"):
            (other / name).write_bytes((self.tree / name).read_bytes())
            os.utime(other / name, (1, 1))
            (other / name).chmod(0o400)
        self.tree = other
        self.assertEqual(self.read("second.pack")[0], first)

    def test_refuses_links_and_names_the_file(self):
        (self.tree / "link").symlink_to("a")
        status, error = self.run_tool()
        self.assertEqual(status, 1)
        self.assertIn("link: neither a folder nor a plain file", error)
        self.assertFalse((self.top / "out.pack").exists())

    def test_refuses_a_folder_that_is_none(self):
        self.tree = self.tree / "a"
        self.assertIn("a: not a folder", self.run_tool()[1])


if __name__ == "__main__":
    unittest.main()
