"""Lines of text become blocks in reading order."""

from local.models.layout import TextLine, blocks


def line(text: str, left: float, middle: float, pitch: float = 10, height: float = 20) -> TextLine:
    return TextLine(text, 0.99, left, middle, left + pitch * len(text), height)


def test_no_lines_make_no_blocks() -> None:
    assert blocks([]) == []


def test_close_lines_are_one_paragraph_with_its_line_breaks() -> None:
    found = blocks([line("and the end", 0, 35), line("The beginning", 0, 10)])
    assert [(block.kind, block.text) for block in found] == [("paragraph", "The beginning\nand the end")]


def test_a_wide_gap_begins_a_new_block() -> None:
    assert [block.text for block in blocks([line("one", 0, 10), line("two", 0, 90)])] == ["one", "two"]


def test_what_stands_side_by_side_shares_a_row() -> None:
    receipt = [line("2.99", 300, 12), line("Milk", 0, 10), line("Bread", 0, 36), line("3.50", 300, 35)]
    assert [block.text for block in blocks(receipt)] == ["Milk  2.99\nBread  3.50"]


def test_larger_letters_are_a_heading_even_if_the_boxes_are_equally_high() -> None:
    found = blocks([line("Region", 0, 10, pitch=16), line("Let us first", 0, 35), line("determine", 0, 60)])
    assert [block.kind for block in found] == ["heading", "paragraph"]


def test_wide_characters_count_twice() -> None:
    chinese = TextLine("文字识别", 0.99, 0, 10, 80, 20)
    assert chinese.pitch == 10
