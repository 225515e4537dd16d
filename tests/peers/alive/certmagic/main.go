// The server of this comparison, with certmagic: its README.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/caddyserver/certmagic"
)

func main() {
	certmagic.DefaultACME.Agreed = true
	certmagic.DefaultACME.Email = "me@example.org"
	certmagic.Default.Storage = &certmagic.FileStorage{Path: "state"}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Hello")
	})
	log.Fatal(certmagic.HTTPS([]string{"example.org"}, mux))
}
