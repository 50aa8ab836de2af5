. "$TRIALS/case.sh"
# the change extends a file with TestMain and a build tag beside it; a package main with tests and embedded data
init; mkdir -p testdata
printf 'module example.test/acme\n\ngo 1.19\n' > go.mod
printf 'package main\n\nimport _ "embed"\n\n//go:embed testdata/greeting.txt\nvar greeting string\n\nfunc add(a, b int) int { return a + b }\n\nfunc main() { println(greeting, add(1, 2)) }\n' > main.go
printf 'hello\n' > testdata/greeting.txt
printf 'package main\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {\n\tos.Exit(m.Run())\n}\n\nfunc TestAdd(t *testing.T) {\n\tif add(1, 2) != 3 {\n\t\tt.Fatal("sum")\n\t}\n}\n' > main_test.go
printf '//go:build integration\n\npackage main\n\nimport "testing"\n\nfunc TestOutside(t *testing.T) { t.Fatal("needs a server") }\n' > outside_test.go; done_
cat >> test.sh <<'X'
cat >> main_test.go <<'Y'

func TestS1Double(t *testing.T) {
	if double(4) != 8 {
		t.Fatal("double")
	}
}
Y
X
code_does "printf '\n\nfunc double(n int) int { return n * 2 }\n' >> main.go"
hands_in main_test.go TestS1Double main.go
