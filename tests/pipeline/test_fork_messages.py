"""What a controller and its fork server say is one line of JSON each, of which either side may know more."""

import json

from pipeline.machine.fork_messages import Exited, Launch, Report, Wish, WorkerName


def test_a_message_says_only_what_it_says() -> None:
    launch = Launch(tenant="default", cr_id="cr-1", attempt=1, epoch=2)
    assert json.loads(Wish(launch=launch).line()) == {
        "launch": {"tenant": "default", "cr_id": "cr-1", "attempt": 1, "epoch": 2}
    }
    assert json.loads(Wish(stop=WorkerName(cr_id="cr-1", epoch=2)).line()) == {"stop": {"cr_id": "cr-1", "epoch": 2}}
    assert Report(ready=True).line() == b'{"ready":true}\n'


def test_a_number_that_is_zero_is_said_and_what_another_version_says_is_passed_over() -> None:
    line = Report(exited=Exited(cr_id="cr-1", epoch=2, code=0)).line()
    assert json.loads(line) == {"exited": {"cr_id": "cr-1", "epoch": 2, "code": 0}}
    assert Report.model_validate_json('{"born_again": {}}') == Report()
