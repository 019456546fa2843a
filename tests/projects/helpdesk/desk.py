"""What a ticket is about, by its words; and a pager that is busy now and then."""

import re


class Refused(Exception):
    """An error with the code that its contract declares."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def classify(inputs):
    text = inputs["text"].lower()
    if "prize" in text:
        raise Refused("SPAM", "nobody won anything")
    if "bill" in text:
        order = re.search(r"[A-Z]-\d+", inputs["text"])
        return {"topic": "billing"} | ({"order": order[0]} if order else {})
    return {"topic": "outage" if "down" in text else "question"}


class Pager:
    def __init__(self, fields):
        assert fields["token"].startswith("pager-")
        self.pages = 0

    async def invoke(self, inputs, call):
        if call.attempt == 1:
            raise Refused("BUSY", "the line is busy")
        self.pages += 1
        return {"id": f"page-{self.pages}"}
