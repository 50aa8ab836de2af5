. "$TRIALS/case.sh"
# a go directive of a Go that is newer than this machine's
init
printf 'module example.test/acme\n\ngo 1.99.0\n\ntoolchain go1.99.1\n' > go.mod
printf 'package acme\n\nfunc Add(a, b int) int { return a + b }\n' > add.go
printf 'package acme\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("sum")\n\t}\n}\n' > add_test.go; done_
printf 'true\n' > test.sh; printf 'true\n' > code.sh; hands_in add_test.go TestAdd add.go
