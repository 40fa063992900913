"""How a uuid may be written and how it may not, ready to stand in a query (contract section 3)."""

SPELLINGS = {
    "hex": "{hex}",
    "hyphens": "{dashed}",
    "upper case": "{HEX}",
    "upper case with hyphens": "{DASHED}",
    "braces": "%7B{dashed}%7D",
    "braces around hex": "%7B{hex}%7D",
    "urn": "urn:uuid:{dashed}",
    "urn of hex": "urn:uuid:{hex}",
    "escaped colons": "urn%3Auuid%3A{dashed}",
    "uuid only": "uuid:{hex}",
    "urn only": "urn:{hex}",
    "urn in braces": "%7Burn:uuid:{dashed}%7D",
    "urn before braces": "urn:uuid:%7B{dashed}%7D",
    "urn inside": "{first}urn:{rest}",
    "uuid twice": "uuid:{first}uuid:{rest}",
    "stray hyphens": "-{first}--{rest}-",
}
MALFORMED = {
    "empty": "",
    "text": "None",
    "leading space": "%20{hex}",
    "plus for a space": "+{hex}",
    "trailing space": "{hex}%20",
    "line end": "{hex}%0A",
    "one digit short": "{short}",
    "one digit more": "{hex}0",
    "not hex": "{short}g",
    "prefix": "0x{short}",
    "underscores": "{first}_{rest}",
    "upper case URN": "URN:UUID:{hex}",
    "brace inside": "{first}%7B{rest}",
    "Arabic digit": "{short}%D9%A1",
    "full-width digit": "{short}%EF%BC%91",
    "no UTF-8": "{short}%FF",
    "NUL": "{hex}%00",
}


def spelled(template: str, identity: str) -> str:
    plain = identity.replace("-", "")
    return template.format(
        hex=plain, dashed=identity, HEX=plain.upper(), DASHED=identity.upper(),
        first=plain[:8], rest=plain[8:], short=plain[:31],
    )  # fmt: skip
