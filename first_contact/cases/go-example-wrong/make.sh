. "$TRIALS/case.sh"
# an Example that is there fails on the base by what it prints; the change makes it right
init; mkdir calc
printf 'module example.test/acme\n\ngo 1.19\n' > go.mod
printf 'package calc\n\nfunc Add(a, b int) int { return a + b }\n\nfunc Double(n int) int { return n }\n' > calc/calc.go
printf 'package calc\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("sum")\n\t}\n}\n' > calc/calc_test.go; done_
test_file calc/example_test.go <<'Y'
package calc

import "fmt"

func ExampleDouble() {
	fmt.Println(Double(4))
	// Output: 8
}
Y
code_does "sed -i 's/{ return n }/{ return n * 2 }/' calc/calc.go"
hands_in calc/example_test.go ExampleDouble calc/calc.go
