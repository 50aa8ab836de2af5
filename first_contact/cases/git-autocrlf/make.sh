. "$TRIALS/case.sh"
# checked out with CRLF by the person's own configuration, and by attributes
init; git config core.autocrlf true; js_calc; printf '*.txt text eol=crlf\n*.bin -text\n' > .gitattributes; printf 'one\r\ntwo\r\n' > a.txt; printf 'a\r\nb' > b.bin; done_; cd repo; rm index.js; git checkout -q index.js a.txt; cd ..; js_agents
