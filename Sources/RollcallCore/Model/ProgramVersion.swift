/// Version of the program; the changelog says what each brought.
package let rollcallVersion = "0.1.0"
