"""`detector config`: prints the effective configuration."""

import click

from detector.commands import Setup


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON in place of TOML.")
@click.pass_obj
def config(setup: Setup, as_json: bool) -> int:
    """Print the effective configuration: the defaults, the file, the variables over it.

    Each key comes with what it means. Secrets are not shown. The output is a configuration file itself.

    \b
    Examples:
      detector config > detector.toml
      DETECTOR_RULES__LOOP__PAGE_BURNT_USD=5 detector config --json
    """
    import json

    from detector.config.toml import to_toml

    found = setup.load()
    click.echo(json.dumps(found.plain(), indent=2) if as_json else to_toml(found), nl=as_json)
    return 0
