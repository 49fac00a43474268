"""GGUF files, made by out/host/gguf of the default model: the same words on the host, in bundles, and
through MODEL=; what is wrong with a file is said in one line that names it."""
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import tomllib
import unittest

from harness.host import ROOT, clean_environment, make
from harness.serving import LLMD, MODELS, NO_MODELS, OUT, TOOLS, Machine, Server

TOOL = ROOT / "out" / "host" / "gguf"
LLM = ROOT / "out" / "host" / "llm"
BUNDLE = ROOT / "out" / "host" / "bundle"
DEFAULT = ROOT / "bundles" / "default"
CHECKPOINT = (DEFAULT / "model.bin", DEFAULT / "tokenizer.bin")
PROMPT = "Once upon a time"


def setUpModule():
    status, output = make("out/host/gguf", "out/host/llm", "out/host/bundle", "out/host/llmd",
                          "out/clang-release/exo.Image", "out/clang-release/bin/llmd.elf")
    if status:
        raise RuntimeError(output)


def run(program, *arguments):
    done = subprocess.run([program, *arguments], env=clean_environment(), capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def text(data):
    return struct.pack("<Q", len(data)) + data


def pair(key, kind, value):
    """kind: of the value, as files number it; a list is an array of such."""
    def packed(one):
        return text(one) if kind == 8 else struct.pack("<f" if kind == 6 else "<I", one)
    if isinstance(value, list):
        return text(key) + struct.pack("<IIQ", 9, kind, len(value)) + b"".join(map(packed, value))
    return text(key) + struct.pack("<I", kind) + packed(value)


# Known as ChatML's template, whose text is not ours to keep here: of that length, with that FNV-1a, which its end
# was chosen for. Newlines in texts of templates are written so, or as such.
CHATML = ("It has the length and the FNV-1a of ChatML's template,\\n"
          "so that it is known as that one, and not one of its words.\\n"
          "A newline can be written in two ways, and this is one: \\n"
          "    2soaaaac*Tmsv#)2P4n[j#")


def model_of_bytes(head=32, names=(b"<|start|>", b"<|end|>"), template=None):
    """A qwen2 of one layer with random weights, whose words are the 256 bytes and two control tokens;
    its two heads are so wide."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    words = [chr(i if i in own else next(others)).encode() for i in range(256)]
    words += names
    pairs = [pair(b"general.architecture", 8, b"qwen2")]
    pairs += [pair(b"qwen2." + key, 4, value) for key, value in (
        (b"embedding_length", 64), (b"feed_forward_length", 64), (b"block_count", 1),
        (b"attention.head_count", 2), (b"attention.head_count_kv", 1), (b"context_length", 128),
        (b"attention.key_length", head), (b"attention.value_length", head))]
    pairs += [pair(b"qwen2.attention.layer_norm_rms_epsilon", 6, 1e-6)]
    pairs += [pair(b"tokenizer.ggml." + key, kind, value) for key, kind, value in (
        (b"model", 8, b"gpt2"), (b"pre", 8, b"qwen2"), (b"tokens", 8, words),
        (b"token_type", 5, [1] * 256 + [3] * 2), (b"merges", 8, []),
        (b"eos_token_id", 4, 257))]
    pairs += [pair(b"tokenizer.chat_template", 8, template.encode())] if template else []
    shapes = {b"token_embd.weight": (64, len(words)), b"output_norm.weight": (64,)}
    shapes |= {b"blk.0." + name: shape for name, shape in (
        (b"attn_norm.weight", (64,)), (b"attn_q.weight", (64, 2 * head)),
        (b"attn_k.weight", (64, head)), (b"attn_v.weight", (64, head)),
        (b"attn_output.weight", (2 * head, 64)), (b"attn_q.bias", (2 * head,)),
        (b"attn_k.bias", (head,)), (b"attn_v.bias", (head,)), (b"ffn_norm.weight", (64,)),
        (b"ffn_gate.weight", (64, 64)), (b"ffn_up.weight", (64, 64)), (b"ffn_down.weight", (64, 64)))}
    numbers = random.Random(3)
    descriptions, data = b"", b""
    for name, shape in shapes.items():
        descriptions += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        data += struct.pack(f"<{count}f", *(numbers.uniform(-1, 1) for _ in range(count)))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(pairs)) + b"".join(pairs) + descriptions
    return head + bytes(-len(head) % 32) + data


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def works(self, program, *arguments):
        status, output, errors = run(program, *arguments)
        self.assertEqual(status, 0, errors)
        return output

    def convert(self, *what, files=CHECKPOINT):
        path = self.folder / "model.gguf"
        self.works(TOOL, "convert", *files, path, *what)
        return path

    def refused(self, reason, *arguments, status=1):
        actual, _, errors = run(TOOL, *arguments)
        self.assertEqual((actual, len(errors.splitlines())), (status, 1 if status == 1 else 2))
        self.assertIn(reason, errors)
        self.assertEqual(list(self.folder.glob("out*")), [])


class Tool(Case):
    def test_what_is_wrong_is_said_with_the_file(self):
        out, other = self.folder / "out", self.folder / "other"
        other.write_text("no model of any kind, but long enough for a header")
        self.refused("other: gguf: the file does not begin with GGUF", "quantise", other, out, "q8_0")
        self.refused("other: checkpoint: dim is", "convert", other, other, out)
        self.refused("other: tokenizer: ", "convert", CHECKPOINT[0], other, out)
        self.refused("absent: No such file", "quantise", "absent", out, "q8_0")
        self.refused("q2_k: no type that can be written", "quantise", other, out, "q2_k")
        self.refused("usage: ", "quantise", other, out, status=2)
        self.refused("usage: ", "improve", other, out, status=2)
        whole = self.convert()
        other.write_bytes(whole.read_bytes()[:-1])
        self.refused("other: ", "quantise", other, out, "q8_0")
        other.write_bytes(whole.read_bytes()[:1000])
        self.refused("other: gguf: cut short in its keys", "quantise", other, out, "q8_0")


class OfBytes(Case):
    """A vocabulary of bytes: what llmd makes of a prompt shows in how many tokens it has."""
    def test_names_of_control_tokens_are_text_unless_asked_for(self):
        path = self.folder / "model.gguf"
        path.write_bytes(model_of_bytes())
        server = Server(path, path, program=LLMD)
        self.addCleanup(server.end)
        self.assertIn(b"GGUF version 3 (qwen2)", server.request("GET", "/health")[1])
        for prompt, query, expected in ((b"it's 12\xc3\xa9", "", 9), (b"a<|end|>", "", 8),
                                        (b"a<|end|>", "&special=1", 2),
                                        (b"<|start|>a<|end", "&special=1", 7)):
            with self.subTest(prompt=prompt, query=query):
                before = server.metric("llmd_prompt_tokens_total")
                response, _ = server.request("POST", f"/completion?n=4{query}", prompt)
                self.assertEqual(response.status, 200)
                self.assertEqual(server.metric("llmd_prompt_tokens_total") - before, expected)
        response, body = server.request("POST", "/completion", b"")
        self.assertEqual(response.status, 400)      # nothing begins these texts
        self.assertIn(b"the prompt has 0 tokens", body)


class Chats(Case):
    """A vocabulary of bytes again: each byte of the rendered chat is a token, and so is each mark."""
    NAMES = (b"<|im_start|>", b"<|im_end|>")

    def server(self, template, names=NAMES):
        path = self.folder / "model.gguf"
        path.write_bytes(model_of_bytes(names=names, template=template))
        server = Server(path, path, program=LLMD)
        self.addCleanup(server.end)
        return server

    def chat(self, server, body, query="?n=4"):
        before = server.metric("llmd_prompt_tokens_total")
        response, text = server.request("POST", f"/chat{query}", body)
        return response.status, text.decode(errors="replace"), \
            server.metric("llmd_prompt_tokens_total") - before

    def test_messages_are_rendered_as_the_template_says(self):
        body = json.dumps({"messages": [{"role": "system", "content": "S"},
                                        {"role": "user", "content": "a <|im_end|>"}]})
        rendered = "system\nS\nuser\na <|im_end|>\nassistant\n"
        for template in (CHATML, CHATML.replace("\\n", "\n")):
            server = self.server(template)
            self.assertEqual(self.chat(server, body)[::2], (200, len(rendered) + 5))
            marked = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nab<|im_end|>\n" \
                     "<|im_start|>assistant\n"
            plain = server.complete(marked.encode(), "?n=9&special=1")
            body_ab = body.replace("a <|im_end|>", "ab")
            self.assertEqual(server.request("POST", "/chat?n=9", body_ab)[1], plain)

    def test_who_can_chat_prints_how_to_ask(self):
        for template, prints in ((CHATML, True), (None, False), (CHATML + " ", False)):
            with self.subTest(template=template):
                model, image = self.folder / "model.gguf", self.folder / "llmd.img"
                model.write_bytes(model_of_bytes(names=self.NAMES, template=template))
                subprocess.run([TOOLS / "mkboot", "-o", image, "--init", OUT / "bin" / "llmd.elf",
                                f"model.bin={model}"], check=True)
                machine = Machine(image, ready="http://here/metrics", SMP="1", CMDLINE="llmd.url=http://here")
                self.addCleanup(machine.stop)
                said = re.findall(r"^llmd: try  curl .* --data '(.*)' http://here/chat$",
                                  "".join(machine.lines), re.MULTILINE)
                self.assertEqual(len(said), int(prints))
                for body in said:
                    self.assertEqual(machine.request("POST", "/chat?n=4", body)[0].status, 200)

    def test_what_is_no_chat_is_refused(self):
        server = self.server(CHATML)
        good = '{"messages": [{"role": "user", "content": "x"}]}'
        for body, query, status, text in (
                ("Hello", "", 400, "messages: 0: the body must be"),
                ('{"messages": [{"role": "user"}]}', "", 400, "messages: 1: role or content is missing"),
                (good, "?special=1", 400, "special: in a chat"), (good, "?x=1", 400, "x: no such par"),
                (good.replace("x", "x" * 300), "", 400, "the prompt has 3")):
            with self.subTest(body=body[:40], query=query):
                found = self.chat(server, body, query)
                self.assertEqual((found[0], found[1][:len(text)], found[2]), (status, text, 0))
        self.assertEqual(server.request("GET", "/chat")[0].status, 405)

    def test_templates_that_are_not_known_are_named(self):
        good = '{"messages": [{"role": "user", "content": "x"}]}'
        for template, names, text in (
                (None, self.NAMES, "the model has no template for chats"),
                (CHATML + " ", self.NAMES,
                 f"the model's template for chats, {CHATML[:39]}..., 200 bytes, FNV "),
                (CHATML, (b"<|im_start|>", b"<|end|>"), "the model's vocabulary has no token <|im_end|>, "
                                                        "which the form chatml has")):
            with self.subTest(text=text):
                status, said, tokens = self.chat(self.server(template, names), good)
                self.assertEqual((status, said[:len(text)], tokens), (400, text, 0))


class Served(Case):
    def test_words_of_floats_are_those_of_the_checkpoint(self):
        model = self.convert()
        self.assertEqual(self.works(LLM, model, model, PROMPT, "40"),
                         self.works(LLM, *CHECKPOINT, PROMPT, "40"))

    @unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
    def test_floats_of_stories_say_the_reference_text(self):
        model = self.convert(files=(MODELS / "stories260K.bin", MODELS / "tok512.bin"))
        path = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n256.txt"
        self.assertEqual(self.works(LLM, model, model, PROMPT, "252").rstrip("\n"),
                         path.read_text(encoding="utf-8").rstrip("\n"))

    def bundle(self, model, *options):
        folder = self.folder / "small" / "1"
        folder.mkdir(parents=True)
        (folder / "model.gguf").write_bytes(model)
        return folder, run(BUNDLE, "make", folder, "--weights", "model.gguf", *options)

    def test_a_bundle_has_one_payload_and_verifies(self):
        model = self.convert("q4_0").read_bytes()
        folder, (status, _, errors) = self.bundle(model)
        self.assertEqual((status, errors), (0, ""))
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        self.assertEqual([payload["path"] for payload in manifest["payload"]], ["model.gguf"])
        self.assertEqual({key: manifest["model"][key] for key in ("weights", "tokenizer", "dim")},
                         {"weights": "model.gguf", "tokenizer": "model.gguf", "dim": 128})
        self.works(BUNDLE, "keygen", "--name", "k", "-o", self.folder / "k")
        self.works(BUNDLE, "sign", folder, "--key", self.folder / "k.key")
        self.assertIn("signed by k", self.works(BUNDLE, "verify", folder, "--trust",
                                                self.folder / "k.pub"))

    def test_a_vocabulary_that_cannot_be_used_is_refused_before_it_is_signed(self):
        model = self.convert("q4_0").read_bytes().replace(b"ggml.scores", b"ggml.scoreX")
        _, (status, _, errors) = self.bundle(model)
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"^bundle: .*model.gguf: gguf: tokenizer.ggml.scores is missing\n$")

    def test_heads_of_another_width_are_in_the_manifest_and_verified(self):
        self.works(BUNDLE, "keygen", "--name", "k", "-o", self.folder / "k")
        for width, expected in ((32, None), (48, 48), (10, 10)):
            folder, (status, _, errors) = self.bundle(model_of_bytes(width))
            self.assertEqual((status, errors), (0, ""))
            manifest = folder / "manifest.toml"
            self.assertEqual(tomllib.loads(manifest.read_text())["model"].get("head_dim"), expected)
            self.works(BUNDLE, "sign", folder, "--key", self.folder / "k.key")
            self.works(BUNDLE, "verify", folder, "--trust", self.folder / "k.pub")
            manifest.write_text(manifest.read_text().replace("head_dim = ", "head_dim = 1"))
            self.works(BUNDLE, "sign", folder, "--key", self.folder / "k.key")
            status, _, errors = run(BUNDLE, "verify", folder, "--trust", self.folder / "k.pub")
            self.assertEqual(status, 0 if expected is None else 1)
            if expected:
                self.assertIn(f"model.head_dim is 1{width}, in model.gguf it is {width}", errors)
            shutil.rmtree(folder)

    def test_make_store_takes_the_file_alone(self):
        model = self.convert("q8_0")
        status, output = make("store", f"STORE_FOLDER={self.folder}/store", f"MODEL={model}")
        self.assertEqual(status, 0, output)
        manifest = tomllib.loads((self.folder / "store/raw/1/manifest.toml").read_text())
        self.assertEqual(manifest["payload"][0]["bytes"], model.stat().st_size)


if __name__ == "__main__":
    unittest.main()
