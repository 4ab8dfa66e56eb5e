from eo_data.progress import track


def test_every_item_once_and_silent_without_a_terminal(capsys):
    assert list(track([1, 2, 3], "Counting")) == [1, 2, 3]
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
