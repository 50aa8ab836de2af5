"""One module per stage of the line; each is one public coroutine of the stage's name."""
