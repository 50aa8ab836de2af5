. "$TRIALS/case.sh"
# a command that writes JUnit XML
init; mkdir -p tests
printf '#!/bin/sh\necho $(($1 + $2))\n' > add; chmod +x add
cat > run-tests <<'R'
#!/bin/sh
out=report.xml; [ "$1" = --junit-xml ] && out=$2
echo '<testsuites><testsuite name="shell">' > "$out"; bad=0
for f in tests/*.t; do
  while read -r name command want; do
    got=$(sh -c "$command" 2>&1)
    if [ "$got" = "$want" ]; then echo "<testcase classname='$f' name='$name' file='$f'/>" >> "$out"
    else bad=1; echo "<testcase classname='$f' name='$name' file='$f'><failure message='expected $want, got $got'/></testcase>" >> "$out"; fi
  done < "$f"
done
echo '</testsuite></testsuites>' >> "$out"; exit $bad
R
chmod +x run-tests; printf 'adds ./add\\ 1\\ 2 3\n' > tests/add.t
sed -i 's/read -r/read/' run-tests; done_
test_file tests/double.t <<'Y'
s1-double ./double\ 4 8
Y
code_does "printf '#!/bin/sh\necho \$((\$1 * 2))\n' > double; chmod +x double"
hands_in tests/double.t "s1-double" double
