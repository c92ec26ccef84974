"""The benchmarks behind `make bench`. `main` reads the options and runs the sections; each section is a module."""
