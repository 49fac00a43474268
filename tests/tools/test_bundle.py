"""build/tools/bundle: what it writes is what docs/reference/bundle-format.md says, computed here a
second time; what it refuses, it refuses by name. And the make functions that call it."""
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import tomllib
import unittest

from harness.host import ROOT, building, make

TOOL = ROOT / "out/host/bundle"
FLIP = ROOT / "build/tools/flip-bit"
BLOCK = 65536
SHAPE = {"dim": 64, "hidden": 128, "layers": 2, "heads": 4, "kv_heads": 2, "vocabulary": 300,
         "context": 64}


def setUpModule():
    status, output = make("out/host/bundle")
    if status:
        raise RuntimeError(output)


def leaves_of(data):
    return [hashlib.sha256(b"\0" + data[i:i + BLOCK]).digest()
            for i in range(0, len(data), BLOCK)]


def root_of(leaves):
    """RFC 6962 §2.1."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def some_bytes(count):
    return bytes(i * 7 % 251 for i in range(count))


def checkpoint(version=0):
    """A llama2.c file with the header, and the length, of SHAPE."""
    dim, hidden, layers, heads, kv_heads, vocabulary, context = SHAPE.values()
    numbers = struct.pack("<7i", *SHAPE.values())
    norms = (2 * layers + 1) * dim
    matrices = vocabulary * dim + layers * (2 * dim * dim + 2 * dim * (dim // heads * kv_heads)
                                            + 3 * dim * hidden)
    if version == 0:
        return numbers + some_bytes(4 * (norms + matrices + context * (dim // heads)))
    header = b"24ka" + struct.pack("<i", 2) + numbers + struct.pack("<Bi", 1, 32)
    return header.ljust(256, b"\0") + some_bytes(4 * norms + matrices + matrices // 32 * 4)


def tokenizer(words=SHAPE["vocabulary"]):
    """A llama2.c tokenizer.bin of so many words."""
    texts = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256))]
    texts += [b"w%d" % number for number in range(len(texts), words)]
    return struct.pack("<I", 6) + b"".join(struct.pack("<fI", 0, len(text)) + text for text in texts)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_tool(self, *arguments):
        done = subprocess.run([TOOL, *arguments], cwd=self.folder, capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def works(self, *arguments):
        status, output, errors = self.run_tool(*arguments)
        self.assertEqual((status, errors), (0, ""))
        return output

    def refused(self, reason, *arguments, status=1):
        actual, _, errors = self.run_tool(*arguments)
        self.assertEqual(actual, status, errors)
        self.assertIn(reason, errors)
        if status == 1:
            self.assertEqual(len(errors.splitlines()), 1)

    def generation(self, number, name="small", model=None, tokens=tokenizer()):
        folder = self.folder / "bundles" / name / str(number)
        folder.mkdir(parents=True)
        (folder / "model.bin").write_bytes(checkpoint() if model is None else model)
        (folder / "tokens.bin").write_bytes(tokens)
        return folder

    def keys(self, base="dev"):
        self.works("keygen", "--name", f"the {base} key", "-o", base)

    def signed(self, number, *options, **files):
        folder = self.generation(number, **files)
        self.works("make", folder, "--weights", "model.bin", "--tokenizer", "tokens.bin", *options)
        self.works("sign", folder, "--key", "dev.key")
        return folder


class Keys(Case):
    def test_a_key_pair_is_made_and_its_secret_is_kept(self):
        self.keys()
        self.assertEqual((self.folder / "dev.key").stat().st_mode & 0o777, 0o600)
        public = tomllib.loads((self.folder / "dev.pub").read_text())
        self.assertEqual(public["key"][0]["name"], "the dev key")
        self.assertRegex(public["key"][0]["ed25519"], r"^[0-9a-f]{64}\Z")
        secret = tomllib.loads((self.folder / "dev.key").read_text())
        self.assertNotIn(secret["ed25519_seed"], (self.folder / "dev.pub").read_text())

    def test_keys_differ(self):
        self.keys("a")
        self.keys("b")
        self.assertNotEqual((self.folder / "a.pub").read_text().splitlines()[-1],
                            (self.folder / "b.pub").read_text().splitlines()[-1])

    def test_keys_are_not_overwritten(self):
        self.keys()
        before = (self.folder / "dev.key").read_bytes()
        self.refused("dev.key: is there already", "keygen", "--name", "x", "-o", "dev")
        self.assertEqual((self.folder / "dev.key").read_bytes(), before)

    def test_names_that_need_quoting_are_refused(self):
        self.refused("printable ASCII", "keygen", "--name", 'a"b', "-o", "x")
        self.refused("1 to 47", "keygen", "--name", "", "-o", "x")

    def test_what_is_no_key_is_refused(self):
        self.keys()
        folder = self.signed(1)
        self.refused("dev.pub:1: name: the key is missing", "sign", folder, "--key", "dev.pub")
        self.refused("dev.key:2: name: unknown key", "verify", folder, "--trust", "dev.key")
        self.refused("absent: No such file", "verify", folder, "--trust", "absent")


class Make(Case):
    def test_the_manifest_says_what_the_format_says(self):
        folder = self.generation(3)
        self.works("make", folder, "--verify", "on-fault", "--weights", "model.bin", "--tokenizer",
                   "tokens.bin")
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        payloads = manifest.pop("payload")
        model = manifest.pop("model")
        self.assertEqual(manifest, {"format": 1, "name": "small", "generation": 3, "kind": "model",
                                    "verify": "on-fault"})
        self.assertEqual(model, {"weights": "model.bin", "tokenizer": "tokens.bin"} | SHAPE)
        leaves = []
        for name, payload in zip(["model.bin", "tokens.bin"], payloads, strict=True):
            data = (folder / name).read_bytes()
            leaves += leaves_of(data)
            self.assertEqual(payload, {"path": name, "bytes": len(data),
                                       "sha256": hashlib.sha256(data).hexdigest(),
                                       "root": root_of(leaves_of(data)).hex()})
        self.assertEqual((folder / "leaves.bin").read_bytes(), b"".join(leaves))

    def test_weights_are_packed_for_a_layout(self):
        folder, source = self.generation(1), checkpoint(version=2)
        (self.folder / "whole.bin").write_bytes(source)
        self.works("make", folder, "--layout", "rows16-q8", "--from", "whole.bin", "--weights",
                   "model.bin", "--tokenizer", "tokens.bin")
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        self.assertEqual(manifest["layout"], "rows16-q8")
        self.assertEqual(manifest["model"], {"weights": "model.bin", "tokenizer": "tokens.bin",
                                             "unpacked_bytes": len(source)} | SHAPE)
        packed = (folder / "model.bin").read_bytes()
        self.assertEqual(packed[:256], source[:256])
        self.assertEqual(packed[256:4096], bytes(4096 - 256))
        norm = 4 * SHAPE["dim"]         # the first tensor, which no layout is for
        self.assertEqual(packed[4096:4096 + norm], source[256:256 + norm])

    def test_a_layout_without_what_it_needs_is_refused(self):
        folder = self.generation(1)
        weights = ("--weights", "model.bin", "--tokenizer", "tokens.bin")
        (self.folder / "whole.bin").write_bytes(checkpoint(version=2))
        self.refused("belong together", "make", folder, "--layout", "rows16-q8", *weights)
        self.refused("belong together", "make", folder, "--from", "whole.bin", *weights)
        self.refused("layout rows-8: none", "make", folder, "--layout", "rows-8", "--from",
                     "whole.bin", *weights)
        (self.folder / "whole.bin").write_bytes(checkpoint())
        self.refused("layout rows16-q8: none", "make", folder, "--layout", "rows16-q8", "--from",
                     "whole.bin", *weights)

    def test_a_version_2_checkpoint_gives_its_shape(self):
        folder = self.generation(1, model=checkpoint(version=2))
        self.works("make", folder, "--weights", "model.bin", "--tokenizer", "tokens.bin")
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        self.assertEqual({key: manifest["model"][key] for key in SHAPE}, SHAPE)

    def test_any_number_of_blocks_gives_the_root_of_the_format(self):
        for blocks in range(1, 10):
            data = bytes(range(256)) * 256 * blocks
            folder = self.generation(blocks, name="tree", tokens=data[blocks - 1:])
            self.works("make", folder, "tokens.bin")
            payload = tomllib.loads((folder / "manifest.toml").read_text())["payload"][0]
            self.assertEqual(payload["root"], root_of(leaves_of(data[blocks - 1:])).hex())

    def test_other_kinds_need_no_model(self):
        folder = self.generation(1)
        self.works("make", folder, "--kind", "system", "tokens.bin", "model.bin")
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        self.assertEqual(manifest["kind"], "system")
        self.assertNotIn("model", manifest)

    def refused_make(self, reason, *arguments, status=1):
        folder = self.folder / "bundles/small/1"
        self.refused(reason, "make", folder, *arguments, status=status)
        self.assertFalse((folder / "manifest.toml").exists())

    def test_payloads_that_cannot_be_are_refused_by_name(self):
        folder = self.generation(1)
        (folder / "empty").write_bytes(b"")
        self.refused_make("small/1/absent: No such file", "absent")
        self.refused_make("small/1/empty: an empty file", "empty")
        self.refused_make("../1/model.bin: a path names a file of the bundle", "../1/model.bin")
        self.refused_make("leaves.bin: a payload must not", "leaves.bin")
        self.refused_make("two payloads have the path tokens.bin", "tokens.bin", "tokens.bin")
        self.refused_make("a bundle has 1 to 16 payloads")
        self.refused_make("a bundle has 1 to 16 payloads", *["tokens.bin"] * 17)

    def test_manifests_that_a_loader_would_refuse_are_not_written(self):
        self.generation(1)
        self.refused_make('verify: "never" is none', "--verify", "never", "tokens.bin")
        self.refused_make("exactly a bundle of kind", "--kind", "model", "tokens.bin")
        self.refused_make("model.bin: a checkpoint needs a --tokenizer", "--weights", "model.bin")
        self.refused_make("there are no --weights", "--tokenizer", "tokens.bin")

    def test_weights_that_are_no_whole_checkpoint_are_refused(self):
        model = ["--weights", "model.bin", "--tokenizer", "tokens.bin"]
        folder = self.generation(1, model=b"short")
        self.refused_make("model.bin: checkpoint: 5 bytes, shorter than its header", *model)
        (folder / "model.bin").write_bytes(checkpoint()[:-1])
        self.refused_make("model.bin: checkpoint: 377115 bytes, but its shape asks for 377116",
                          *model)
        (folder / "model.bin").write_bytes(b"\xff" * 100)
        self.refused_make("model.bin: checkpoint: dim is -1", *model)

    def test_a_vocabulary_of_another_size_is_refused_with_both_numbers(self):
        model = ["--weights", "model.bin", "--tokenizer", "tokens.bin"]
        folder = self.generation(1)
        for words in (299, 301, 512):
            (folder / "tokens.bin").write_bytes(tokenizer(words))
            self.refused_make(f"tokens.bin: tokenizer: {words} pieces, but the model has 300 words",
                              *model)
        (folder / "tokens.bin").write_bytes(tokenizer()[:-1])
        self.refused_make("tokens.bin: tokenizer: piece 299 is 4 bytes long", *model)
        (folder / "tokens.bin").write_bytes(b"tokens")
        self.refused_make("tokens.bin: tokenizer: the longest piece is 1701539700 bytes", *model)

    def test_folders_that_name_no_generation_are_refused(self):
        for path in ("bundles/small/one", "bundles/small/01", "bundles/small/0", "bundles/Small/1"):
            (self.folder / path).mkdir(parents=True)
            self.refused(path, "make", path, "x")
        self.refused("absent: No such file", "make", "absent", "x")

    def test_options_are_checked(self):
        self.generation(1)
        self.refused_make("--frob: unknown option", "--frob", "x", status=2)
        self.refused_make("--verify: given twice", "--verify", "eager", "--verify", "eager",
                          status=2)
        self.refused_make("--verify: its value is missing", "--verify", status=2)
        self.refused("--key: must be given", "sign", "bundles/small/1", status=2)
        self.refused("unmake: no such command", "unmake", status=2)
        self.refused("command: must be given", status=2)


class Sign(Case):
    def test_a_signature_stands_behind_the_manifest_and_is_replaced(self):
        self.keys()
        self.keys("other")
        folder = self.generation(1)
        self.works("make", folder, "tokens.bin")
        text = (folder / "manifest.toml").read_text()
        self.works("sign", folder, "--key", "other.key")
        self.works("sign", folder, "--key", "dev.key")
        both = (folder / "manifest.toml").read_text()
        self.assertTrue(both.startswith(text))
        self.assertRegex(both[len(text):], r'\A\[signature\]\nkey = "[0-9a-f]{64}"\n'
                         r'ed25519 = "[0-9a-f]{128}"\n\Z')
        self.works("verify", folder, "--trust", "dev.pub")

    def test_signing_is_deterministic(self):
        self.keys()
        folder = self.signed(1)
        before = (folder / "manifest.toml").read_bytes()
        self.works("sign", folder, "--key", "dev.key")
        self.assertEqual((folder / "manifest.toml").read_bytes(), before)

    def test_what_no_loader_reads_is_not_signed(self):
        self.keys()
        folder = self.signed(1)
        manifest = folder / "manifest.toml"
        manifest.write_text("colour = 1\n" + manifest.read_text())
        self.refused("small/1/manifest.toml:1: colour: unknown key", "sign", folder, "--key",
                     "dev.key")
        manifest.write_text("#" * 16384 + "\n")
        self.refused("manifest.toml: more than 16384 bytes", "sign", folder, "--key", "dev.key")
        manifest.write_text("#" * 16300 + "\n")
        self.refused("manifest.toml: too long to be signed", "sign", folder, "--key", "dev.key")


class Verify(Case):
    def setUp(self):
        super().setUp()
        self.keys()

    def test_a_good_generation_is_said_to_be_one(self):
        for verify in ("eager", "on-fault"):
            folder = self.signed(1 if verify == "eager" else 2, "--verify", verify)
            self.assertIn("signed by the dev key",
                          self.works("verify", folder, "--trust", "dev.pub"))

    def test_a_changed_payload_is_found_in_both_modes(self):
        for number, verify in ((1, "eager"), (2, "on-fault")):
            folder = self.signed(number, "--verify", verify)
            subprocess.run([FLIP, folder / "model.bin"], check=True)
            self.refused(f"small/{number}: model.bin: block 2 is not what was signed", "verify",
                         folder, "--trust", "dev.pub")

    def test_a_wrong_sha256_is_found(self):
        folder = self.signed(1)
        manifest = folder / "manifest.toml"
        manifest.write_text(re.sub(r'sha256 = "[^"]*"', f'sha256 = "{"0" * 64}"',
                                   manifest.read_text(), count=1))
        self.works("sign", folder, "--key", "dev.key")
        self.refused("model.bin: its SHA-256 is not the manifest's", "verify", folder, "--trust",
                     "dev.pub")

    def test_a_shape_that_is_not_the_file_s_is_found(self):
        folder = self.signed(1)
        manifest = folder / "manifest.toml"
        manifest.write_text(manifest.read_text().replace("layers = 2", "layers = 3"))
        self.works("sign", folder, "--key", "dev.key")
        self.refused("small/1: manifest.toml: model.layers is 3, in model.bin it is 2", "verify",
                     folder, "--trust", "dev.pub")

    def test_a_vocabulary_that_is_another_model_s_is_found(self):
        folder = self.generation(1)
        self.works("make", folder, "--weights", "model.bin", "--tokenizer", "tokens.bin")
        own = (folder / "manifest.toml").read_text()
        other = tokenizer(512)
        (folder / "tokens.bin").write_bytes(other)
        self.works("make", folder, "tokens.bin")     # for its digests
        payloads = (folder / "manifest.toml").read_text().partition("[[payload]]")[2]
        leaves = [leaves_of(checkpoint()), leaves_of(other)]
        (folder / "leaves.bin").write_bytes(b"".join(leaves[0] + leaves[1]))
        (folder / "manifest.toml").write_text(own.rpartition("[[payload]]")[0] + "[[payload]]" + payloads)
        self.works("sign", folder, "--key", "dev.key")
        self.refused("small/1: tokens.bin: tokenizer: 512 pieces, but the model has 300 words", "verify",
                     folder, "--trust", "dev.pub")

    def test_packed_weights_verify_with_the_length_of_the_file_that_they_are_from(self):
        folder, source = self.signed(1), checkpoint(version=2)
        (self.folder / "whole.bin").write_bytes(source)
        self.works("make", folder, "--layout", "rows16-q8", "--from", "whole.bin", "--weights",
                   "model.bin", "--tokenizer", "tokens.bin")
        self.works("sign", folder, "--key", "dev.key")
        self.works("verify", folder, "--trust", "dev.pub")
        manifest = folder / "manifest.toml"
        manifest.write_text(manifest.read_text().replace(f"unpacked_bytes = {len(source)}",
                                                         f"unpacked_bytes = {len(source) + 1}"))
        self.works("sign", folder, "--key", "dev.key")
        self.refused("small/1: model.bin: ", "verify", folder, "--trust", "dev.pub")

    def test_unsigned_and_foreign_manifests_are_refused(self):
        self.keys("other")
        folder = self.signed(1)
        self.refused("which is not trusted", "verify", folder, "--trust", "other.pub")
        self.works("make", folder, "tokens.bin")
        self.refused("small/1: no signature", "verify", folder, "--trust", "dev.pub")

    def test_only_the_named_generation_is_looked_at(self):
        self.signed(1)
        self.generation(2)
        self.refused("small/2: manifest.toml: no such file", "verify", "bundles/small/2", "--trust",
                     "dev.pub")

    def test_a_trust_root_can_have_several_keys(self):
        self.keys("other")
        folder = self.signed(1)
        both = (self.folder / "other.pub").read_text() + (self.folder / "dev.pub").read_text()
        (self.folder / "both.pub").write_text(both)
        self.assertIn("the dev key", self.works("verify", folder, "--trust", "both.pub"))


class Pack(Case):
    def setUp(self):
        super().setUp()
        self.keys()
        self.one, self.two = self.signed(1), self.signed(10)
        self.other = self.signed(2, name="other")

    def pack(self, *folders, image="store.img"):
        self.works("pack", "-o", image, *folders)
        return (self.folder / image).read_bytes()

    def test_the_image_is_laid_out_as_the_format_says(self):
        image = self.pack(self.two, self.other, self.one)
        magic, version, count, size, directory = struct.unpack_from("<8sIIQ32s", image)
        self.assertEqual((magic, version, count, size), (b"CHISTORE", 1, 12, len(image)))
        self.assertEqual(image[4064:4096], hashlib.sha256(image[:4064]).digest())
        self.assertEqual(directory, hashlib.sha256(image[4096:4096 + 144 * count]).digest())
        entries, end = [], BLOCK
        for i in range(count):
            name, generation, path, offset, length, zero = struct.unpack_from(
                "<48sQ64sQQQ", image, 4096 + 144 * i)
            name, path = name.rstrip(b"\0").decode(), path.rstrip(b"\0").decode()
            entries.append((name, generation, path))
            self.assertEqual((offset, zero), (end, 0))
            data = (self.folder / "bundles" / name / str(generation) / path).read_bytes()
            self.assertEqual(image[offset:offset + length], data)
            end = (offset + length + BLOCK - 1) // BLOCK * BLOCK
            self.assertFalse(any(image[offset + length:end]))
        self.assertEqual(end, len(image))
        self.assertEqual(entries, [(name, generation, path) for name, generation in
                                   (("other", 2), ("small", 1), ("small", 10)) for path in
                                   ("leaves.bin", "manifest.toml", "model.bin", "tokens.bin")])

    def test_the_same_bundles_give_the_same_bytes(self):
        self.assertEqual(self.pack(self.one, self.two, image="a"),
                         self.pack(self.two, self.one, image="b"))

    def test_an_image_is_verified(self):
        self.pack(self.one, self.two, self.other)
        output = self.works("verify", "store.img", "--trust", "dev.pub")
        self.assertEqual([line.split(":")[0] for line in output.splitlines()],
                         ["other/2", "small/1", "small/10"])
        subprocess.run([FLIP, self.two / "model.bin"], check=True)
        self.pack(self.one, self.two)
        self.refused("small/10: model.bin: block 2", "verify", "store.img", "--trust", "dev.pub")

    def test_a_damaged_image_is_refused(self):
        self.pack(self.one)
        subprocess.run([FLIP, self.folder / "store.img", "33000"], check=True)
        self.refused("store.img: the directory is damaged", "verify", "store.img", "--trust",
                     "dev.pub")
        (self.folder / "no.img").write_bytes(bytes(70000))
        self.refused("no.img: no store image", "verify", "no.img", "--trust", "dev.pub")

    def test_what_cannot_be_packed_is_refused_by_name(self):
        self.refused("small/1: given twice", "pack", "-o", "x", self.one, self.one)
        (self.one / "model.bin").unlink()
        self.refused("small/1/model.bin: No such file", "pack", "-o", "x", self.one)
        (self.two / "manifest.toml").write_text("name = 1\n")
        self.refused("small/10/manifest.toml:1: name: must be a string", "pack", "-o", "x",
                     self.two)
        self.assertFalse((self.folder / "x").exists())


class FlipBit(Case):
    def test_one_bit_changes(self):
        file = self.folder / "f"
        file.write_bytes(bytes(9))
        subprocess.run([FLIP, file], check=True)
        self.assertEqual(file.read_bytes(), b"\0\0\0\0\1\0\0\0\0")
        subprocess.run([FLIP, file, "71"], check=True)
        self.assertEqual(file.read_bytes(), b"\0\0\0\0\1\0\0\0\x80")

    def test_bits_outside_are_refused(self):
        file = self.folder / "f"
        file.write_bytes(bytes(2))
        for bit in ("16", "-1"):
            done = subprocess.run([FLIP, file, bit], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr),
                             (1, f"flip-bit: {file}: bit {bit} of 2 bytes\n"))


class MakeFunctions(Case):
    def test_a_signed_generation_and_a_corrupt_one_are_made_and_packed(self):
        names = ["bundles/mktest", "mktest.img"]
        for name in names:
            self.addCleanup(shutil.rmtree if "." not in name else pathlib.Path.unlink,
                            ROOT / "out" / name)
        (self.folder / "m").write_bytes(checkpoint())
        (self.folder / "t").write_bytes(tokenizer())
        files = f"model.bin={self.folder}/m tokens.bin={self.folder}/t"
        options = "--weights model.bin --tokenizer tokens.bin"
        (self.folder / "test.mk").write_text(
            "include GNUmakefile\n"
            f"$(call bundle,mktest,1,{files},{options})\n"
            f"$(call corrupt_bundle,mktest,2,{files},{options},model.bin)\n"
            "$(call store_image,out/mktest.img,mktest/1 mktest/2)\n")
        with building():
            subprocess.run(["make", "-s", "-f", self.folder / "test.mk", "out/mktest.img",
                            "out/keys/development.pub"], cwd=ROOT, check=True,
                           capture_output=True)
        status, output, errors = self.run_tool("verify", ROOT / "out/mktest.img", "--trust",
                                               ROOT / "out/keys/development.pub")
        self.assertEqual(status, 1)
        self.assertIn("mktest/1: signed by development, verified eagerly", output)
        self.assertEqual(errors, "bundle: mktest/2: model.bin: block 2 is not what was signed\n")


class Store(Case):
    """build/store.mk: what MODEL= means."""

    def setUp(self):
        super().setUp()
        self.keys()

    def make(self, *variables):
        """(status, what was chosen) of `make store`, or (status, errors)."""
        names = [f"print-STORE_{name}" for name in ("IMAGE", "BUNDLE", "TRUST", "UNSIGNED")]
        for targets in (["store"], ["-j1", *names]):
            with building():
                done = subprocess.run(
                    ["make", "-s", f"STORE_FOLDER={self.folder}/store", *variables, *targets],
                    cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                return done.returncode, done.stderr
        return 0, done.stdout.splitlines()

    def entries(self):
        """(name, generation) of the image's bundles."""
        image = (self.folder / "store/store.img").read_bytes()
        count, = struct.unpack_from("<I", image, 12)
        found = [struct.unpack_from("<48sQ", image, 4096 + 144 * i) for i in range(count)]
        return sorted({(name.rstrip(b"\0").decode(), generation) for name, generation in found})

    def test_a_bundle_s_folder(self):
        self.signed(1)
        self.signed(2)
        trust = self.folder / "dev.pub"
        chosen = [f"{self.folder}/store/store.img", "small", str(trust), "0"]
        for path, generations in (("small", [1, 2]), ("small/1", [1]), ("small/2/", [2])):
            self.assertEqual(self.make(f"MODEL={self.folder}/bundles/{path}", f"TRUST={trust}"),
                             (0, chosen))
            self.assertEqual(self.entries(), [("small", number) for number in generations])

    def test_another_trust_root_is_packed_however_old_it_is(self):
        image = "out/clang-release/services-private.img"
        self.assertEqual(make(image)[0], 0)
        self.signed(1)
        trust = self.folder / "dev.pub"
        os.utime(trust, (1, 1))
        with building():
            done = subprocess.run(
                ["make", "-n", f"STORE_FOLDER={self.folder}/store", f"TRUST={trust}",
                 f"MODEL={self.folder}/bundles/small", image],
                cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertIn(f"trust={trust}", done.stdout)

    def test_a_raw_checkpoint(self):
        (self.folder / "m.bin").write_bytes(checkpoint())
        (self.folder / "tokenizer.bin").write_bytes(tokenizer())
        (self.folder / "other.bin").write_bytes(tokenizer().replace(b"w299", b"v299"))
        model, manifest = f"MODEL={self.folder}/m.bin", self.folder / "store/raw/1/manifest.toml"
        chosen = [f"{self.folder}/store/store.img", "raw", "out/keys/development.pub", "1"]
        self.assertEqual(self.make(model), (0, chosen))
        self.assertEqual(self.entries(), [("raw", 1)])
        first = tomllib.loads(manifest.read_text())
        self.assertEqual((first["verify"], first["payload"][1]["sha256"]),
                         ("eager", hashlib.sha256(tokenizer()).hexdigest()))
        self.assertNotIn("signature", first)
        self.assertEqual(self.make(model, f"TOKENIZER={self.folder}/other.bin",
                                   "VERIFY=on-fault")[0], 0)
        second = tomllib.loads(manifest.read_text())
        self.assertEqual(second["verify"], "on-fault")
        self.assertNotEqual(second["payload"][1]["sha256"], first["payload"][1]["sha256"])

    def refused(self, reason, *variables):     # pylint: disable=arguments-differ
        status, errors = self.make(*variables)
        self.assertEqual(status, 2)
        self.assertIn(reason, errors)

    def test_what_is_missing_is_named(self):
        self.signed(1)
        (self.folder / "m.bin").write_bytes(checkpoint())
        self.refused("absent: no such file", f"MODEL={self.folder}/absent")
        (self.folder / "m.gguf").write_bytes(b"GGUF")
        self.refused("m.gguf: gguf: cut short in its header",
                     f"MODEL={self.folder}/m.gguf")
        self.refused("TRUST=x.pub: there is no MODEL", "MODEL=", "TRUST=x.pub")
        self.refused("VERIFY=on-fault: there is no MODEL", "MODEL=", "VERIFY=on-fault")
        self.refused("a bundle needs TRUST=", f"MODEL={self.folder}/bundles/small")
        self.refused("nobody.pub: no such file", f"MODEL={self.folder}/bundles/small",
                     "TRUST=nobody.pub")
        self.refused("bundles: a folder without a manifest.toml is no bundle",
                     f"MODEL={self.folder}/bundles", "TRUST=x")
        self.refused("tokenizer.bin: no such file", f"MODEL={self.folder}/m.bin")

    def test_what_cannot_be_meant_is_named_with_what_can(self):
        self.signed(1)
        model, trust = f"MODEL={self.folder}/m.gguf", f"TRUST={self.folder}/dev.pub"
        (self.folder / "m.gguf").write_bytes(b"GGUF")
        bundle = f"MODEL={self.folder}/bundles/small"
        for variables, reason in (((model, "VERIFY=never"), "VERIFY=never: must be eager or on-fault"),
                                  ((model, "LAYOUT=a b"), "LAYOUT=a b: must be the name of one"),
                                  ((model, trust), "dev.pub: belongs to a bundle, and MODEL="),
                                  ((bundle, trust, "VERIFY=eager"), "VERIFY=eager: belongs to a file"),
                                  ((bundle, trust, "LAYOUT=x"), "LAYOUT=x: belongs to a file"),
                                  ((bundle, trust, "TOKENIZER=x"), "TOKENIZER=x: belongs to a file")):
            with self.subTest(variables=variables):
                self.refused(reason, *variables)

    def test_paths_that_make_cannot_have_are_named_with_what_is_in_the_way(self):
        for variable in ("MODEL", "TRUST", "TOKENIZER"):
            for path, what in (("a b", "space"), ("it's", "'"), ("a;b", ";"),
                               ("a#b", "#"), ("100%", "%"), ("a$$b", "$"), ("x*", "*")):
                with self.subTest(variable=variable, path=path):
                    others = () if variable == "MODEL" else ("MODEL=README.md",)
                    written = path.replace("$$", "$")
                    self.refused(f"{variable}={written}: make cannot have a path with such a character "
                                 f"in it: {what}; link to", f"{variable}={path}", *others)

    def test_a_layout_that_is_none_is_named_with_those_that_there_are(self):
        (self.folder / "m.bin").write_bytes(checkpoint(2))
        (self.folder / "tokenizer.bin").write_bytes(tokenizer())
        self.refused("m.bin: layout abacus: none that this model can have: LAYOUT= and --layout may be "
                     "one of rows16-q8 ", f"MODEL={self.folder}/m.bin", "LAYOUT=abacus")
