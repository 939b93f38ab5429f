import unittest

from duration import parse


class ParseTest(unittest.TestCase):
    def test_hours_and_minutes(self):
        self.assertEqual(parse("1h30m"), 5400)

    def test_seconds(self):
        self.assertEqual(parse("45s"), 45)

    def test_an_unknown_unit_is_refused(self):
        with self.assertRaises(ValueError):
            parse("5x")


if __name__ == "__main__":
    unittest.main()
