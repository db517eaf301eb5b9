"""A pseudonym as an argument of a command."""

import re

import click

_FORM = re.compile("u-[0-9a-f]{12}")


class Pseudonym(click.ParamType):
    """What `detector.enrich.pseudonyms` makes of a name."""

    name = "PSEUDONYM"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        """The value, where it has the form."""
        if _FORM.fullmatch(value) is None:
            self.fail("a pseudonym is u- and 12 hex digits", param, context)
        return value
