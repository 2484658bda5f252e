"""What the language models of `choices_gguf.py` and `choices_torchao.py` are asked."""

from __future__ import annotations

from string import Template

from scenelake.workers.llm import read_prompt

MAX_TOKENS = 40
SAID = (
    "The night nurse carried three wooden boats over the long bridge before the rain began.",
    "My neighbour sold her brother's bicycle on a quiet Tuesday morning. He wants it back.",
    "Welcome to the harbour news. The ferry to Oslo leaves at nine, two hours late.",
    "First we roast the beans for twelve minutes, then they cool down in the open air.",
    "An old sailor described the map of the coast, and a young judge wrote everything down.",
    "The engine stopped after the last train had left. Nobody could repair it until May.",
)


def conversations() -> list[list[dict[str, str]]]:
    """Messages as the describer of the `embedded` profile sends them."""
    system, template = read_prompt("describe_system"), Template(read_prompt("describe"))
    return [
        [
            {"role": "system", "content": system},
            {"role": "user", "content": template.substitute(speech=said)},
        ]
        for said in SAID
    ]
