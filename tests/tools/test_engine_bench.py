"""What `make bench` reads of what llm says about the engine."""
import unittest

from harness import engine_bench
from harness.serving_bench import Failed

TEXT = """\
kernel scalar-int-q8      288 columns: 0.40 GMAC/s
kernel neon-int16-q8      288 columns: 4.80 GMAC/s, chosen
kernel sve256-int16-q8    288 columns: 2.90 GMAC/s
kernel scalar-int-q8      768 columns: 0.50 GMAC/s
kernel neon-int16-q8      768 columns: 5.00 GMAC/s, chosen
1 worker: prompt of 104 tokens: 349.3 ms, 297.6 tok/s
1 worker: 64 tokens from position 128: 266.6 ms, 240.1 tok/s
of a step: embedding             100 us   1 %, at best     90 us
of a step: gate and up           900 us  11 %, at best    800 us
of a step of 16: embedding       400 us   1 %, at best    390 us
products: gate       neon-int16-q8     1 vector : 3.69 GMAC/s, 59 us
products: gate       neon-int16-q8    16 vectors: 4.93 GMAC/s, 717 us
choosing a word: temperature 0.8         300 us, 7.1 % of a step
2 workers: 64 tokens from position 128: 160.0 ms, 400.0 tok/s
of a step: embedding              50 us   1 %, at best     45 us
2 workers: 16 texts at once from position 128: 400.0 ms, 640.0 tok/s
"""


class EngineBench(unittest.TestCase):
    def test_rates_are_those_of_the_workers(self):
        self.assertEqual(engine_bench.rate(TEXT, 1, engine_bench.DECODE), (266.6, 240.1))
        self.assertEqual(engine_bench.rate(TEXT, 2, engine_bench.DECODE), (160.0, 400.0))
        self.assertEqual(engine_bench.rate(TEXT, 2, engine_bench.TEXTS), (400.0, 640.0))
        self.assertEqual(engine_bench.rate(TEXT, 1, engine_bench.PROMPT), (349.3, 297.6))

    def test_the_ratio_is_that_of_the_worst_shape(self):
        self.assertEqual(engine_bench.ratio_to_scalar(TEXT), 10)

    def test_what_was_not_said_is_a_failure(self):
        with self.assertRaises(Failed):
            engine_bench.rate(TEXT, 2, engine_bench.PROMPT)
        with self.assertRaises(Failed):
            engine_bench.ratio_to_scalar("")

    def test_words_are_chosen_in_parts_of_a_step(self):
        self.assertEqual(engine_bench.CHOICE.findall(TEXT), [("temperature 0.8", "7.1")])

    def test_parts_of_a_step_are_those_of_one_worker(self):
        self.assertEqual(engine_bench.parts(TEXT),
                         {"embedding": 90, "gate_and_up": 800, "16_texts_embedding": 390})

    def test_products_go_by_tensor_and_vectors(self):
        self.assertEqual(engine_bench.PRODUCTS.findall(TEXT),
                         [("gate", "1", "3.69"), ("gate", "16", "4.93")])
