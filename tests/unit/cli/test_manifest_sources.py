"""Manifests → entries."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from cli.problems import Problem
from cli.sources.choice import Choice
from cli.sources.manifests import ManifestEntry, read
from tests.fakes import images


def sheet(rows: list[list[str | int]]) -> bytes:
    """A minimal workbook."""

    def cell(value: str | int) -> str:
        return f"<c><v>{value}</v></c>" if isinstance(value, int) else f'<c t="str"><v>{value}</v></c>'

    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{relations}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{relations}"><sheets><sheet name="s" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{lines}</sheetData></worksheet>",
    }
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def written(path: Path, text: str | bytes) -> list[ManifestEntry]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read(path))


def test_jsonl_lines_pass_as_they_are(tmp_path: Path) -> None:
    entries = written(
        tmp_path / "m.jsonl", '\ufeff{"custom_id":"a","image":"https://x/a.jpg","width":3,"height":4}\n\n'
    )
    assert [entry.item for entry in entries] == [
        {"custom_id": "a", "image": "https://x/a.jpg", "width": 3, "height": 4}
    ]


def test_a_relative_path_is_looked_up_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(images.png())
    (entry,) = written(tmp_path / "m.jsonl", '{"images":["b.png","https://x/a.jpg"]}')
    assert entry.item["images"] == [tmp_path / "b.png", "https://x/a.jpg"]


def test_a_bad_line_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    entries = written(tmp_path / "m.jsonl", '{"image":"https://x/a.jpg"}\n{oops\n[1]\n{"image":"none.jpg"}\n')
    assert [bool(entry.problem) for entry in entries] == [False, True, True, True]
    assert entries[1].place.endswith("m.jsonl, line 2")
    assert entries[1].problem is not None
    assert entries[1].problem.startswith("Not JSON")


@pytest.mark.parametrize("name", ["/etc/passwd", "secret.env", "id_rsa.jpg"])
def test_only_pictures_are_taken_from_this_machine(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.env").write_text("PASSWORD=not-a-picture")
    (tmp_path / "id_rsa.jpg").write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    (entry,) = written(tmp_path / "m.txt", name)
    assert entry.problem is not None
    assert "neither a URL nor a picture" in entry.problem


def test_csv_columns(tmp_path: Path) -> None:
    text = "custom_id,images,width,height,shop,note\na,https://x/1.jpg|https://x/2.jpg https://x/3.jpg,30,40,north,\n"
    (entry,) = written(tmp_path / "m.csv", text)
    assert entry.item == {
        "custom_id": "a",
        "images": ["https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg"],
        "width": 30,
        "height": 40,
        "metadata": {"shop": "north"},
    }


def test_csv_image_column_is_one_image(tmp_path: Path) -> None:
    (entry,) = written(tmp_path / "m.csv", "image\nhttps://x/a|b.jpg\n")
    assert entry.item == {"images": ["https://x/a|b.jpg"], "metadata": {}}


def test_csv_of_sizes_is_enough_for_an_estimate(tmp_path: Path) -> None:
    (entry,) = written(tmp_path / "m.csv", "sku,width,height\n7,30,40\n")
    assert entry.item == {"width": 30, "height": 40, "metadata": {"sku": "7"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image,width\nhttps://x/1.jpg,wide\n", "whole number of pixels"),
        ("image\nhttps://x/1.jpg,2\n", "More cells"),
    ],
)
def test_csv_problems(tmp_path: Path, text: str, problem: str) -> None:
    (entry,) = written(tmp_path / "m.csv", text)
    assert entry.place.endswith("line 2")
    assert entry.problem is not None
    assert problem in entry.problem


TABLE = [{"custom_id": "a", "images": ["https://x/1.jpg"], "width": 800, "metadata": {"shop": "north"}}]


@pytest.mark.parametrize(
    "text",
    [
        ",custom_id,image,width,shop\n0,a,https://x/1.jpg,800.0,north\n",
        "Unnamed: 0,custom_id,image,width,shop\n0,a,https://x/1.jpg,800.0,north\n",
        "custom_id,image,width,shop,\na,https://x/1.jpg,800,north\n",
        "custom_id;image;width;shop\na;https://x/1.jpg;800;north\n",
        "custom_id\timage\twidth\tshop\na\thttps://x/1.jpg\t800\tnorth\n",
        "sep=;\ncustom_id;image;width;shop\na;https://x/1.jpg;800;north\n",
        "\ufeffid,image_url,Width,shop\r\na,https://x/1.jpg,800,north\r\n\r\n",
        '"custom_id", "image", "width", "shop"\n"a", "https://x/1.jpg", "800", "north"\n',
        "custom_id\timage\twidth\tshop\r\na\thttps://x/1.jpg\t800\tnorth\r\n".encode("utf-16"),
    ],
)
def test_tables_as_people_have_them(tmp_path: Path, text: str | bytes) -> None:
    assert [entry.item for entry in written(tmp_path / "m.csv", text)] == TABLE


def test_columns_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("sku,foto,id\n7,https://x/1.jpg,9\n")
    (entry,) = read(tmp_path / "m.csv", Choice(image="foto", id="sku"))
    assert entry.item == {"custom_id": "7", "images": ["https://x/1.jpg"], "metadata": {"id": "9"}}
    with pytest.raises(Problem, match="There are: sku, foto, id"):
        list(read(tmp_path / "m.csv", Choice(image="photo")))


@pytest.mark.parametrize("text", ["width\n30\n", "sku\n7\n", "", "a,a,image\n"])
def test_a_table_without_usable_columns_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Problem, match="line 1"):
        written(tmp_path / "m.csv", text)


def test_a_problem_names_its_column(tmp_path: Path) -> None:
    (entry,) = written(tmp_path / "m.csv", "image,width\nhttps://x/1.jpg,800.5\n")
    assert entry.problem == "column width: '800.5' is not a whole number of pixels."


def test_a_sheet_of_excel(tmp_path: Path) -> None:
    path = tmp_path / "m.xlsx"
    path.write_bytes(sheet([["custom_id", "image", "width", "shop"], ["a", "https://x/1.jpg", 800, "north"]]))
    assert [entry.item for entry in read(path)] == TABLE
    path.write_bytes(b"no sheet")
    with pytest.raises(Problem, match="cannot be read as a sheet"):
        list(read(path))


def test_lines_of_a_batch_give_their_images(tmp_path: Path) -> None:
    parts = '[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"https://x/1.jpg"}}]'
    head = '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":'
    line = head + '{"model":"m","messages":[{"content":%s}]}}'
    first, second = written(tmp_path / "m.jsonl", f"{line % parts}\n{line % '[]'}\n")
    assert first.item == {"custom_id": "a", "images": ["https://x/1.jpg"]}
    assert second.problem == "body: its messages hold no image."


def test_csv_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        written(tmp_path / "m.csv", "image,name\nhttps://x/1.jpg,Käse\n".encode("latin-1"))


def test_text_lines_are_called_by_their_url(tmp_path: Path) -> None:
    long = "https://x/" + "a" * 600
    entries = written(tmp_path / "m.txt", f"https://x/1.jpg\r\n\n{long}\n")
    assert [entry.item for entry in entries] == [
        {"custom_id": "https://x/1.jpg", "image": "https://x/1.jpg"},
        {"image": long},
    ]
