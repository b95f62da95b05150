"""What can be found, how much it weighs, and the sentence that a person reads. A finding never quotes the content."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Points of 100 when it stands alone, and what is said of it."""

    weight: int
    message: str


# A weight answers: of a hundred texts with this and nothing else, how many are attacks? Below 50 is what honest texts
# have too; it counts beside others.
LABELS = {
    "instruction_override": Kind(85, "tells a model to drop its instructions"),
    "new_instructions": Kind(45, "announces instructions of its own"),
    "role_markup": Kind(80, "forges the markup between the roles of a chat"),
    "role_lines": Kind(40, "writes lines in the name of the system or of the assistant"),
    "tool_call": Kind(70, "forges the call or the result of a tool"),
    "persona": Kind(80, "asks a model to be one without rules"),
    "prompt_leak": Kind(75, "asks for the instructions of a model"),
    "exfiltration": Kind(80, "asks to send data to an address"),
    "data_link": Kind(60, "holds a link or an image that carries data to its host"),
    "addressed": Kind(40, "speaks to a model that reads the text"),
    "secrecy": Kind(50, "asks to keep something from the user"),
    "authority": Kind(35, "claims to speak for the maker or the operator of the model"),
    "urgency": Kind(15, "presses to act at once"),
    "hidden_text": Kind(85, "holds text in characters that nobody sees"),
    "hidden_order": Kind(50, "changes the order in which characters are shown"),
    "hidden_width": Kind(35, "holds characters without width inside of words"),
    "hidden_markup": Kind(60, "speaks in a part of a document that is not shown"),
    "encoded": Kind(60, "holds instructions that are encoded"),
    "disguised": Kind(50, "holds instructions whose letters are disguised"),
    "mixed_script": Kind(15, "mixes letters of several scripts in one word"),
}
