"""What the tests in Python share: cases as TAP lines, and a document."""

HARBOR = "# Plans\n\nThe Harbor plan allows 40 uploads per minute. The default timeout of Harbor is 30 seconds.\n"


class Case:
    """Counts and prints TAP lines."""
    n = failed = 0

    @classmethod
    def check(cls, name, ok, seen=""):
        cls.n += 1
        cls.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {cls.n} - {name}", flush=True)
        if not ok:
            print(f"# {seen!r}", flush=True)
