// Command server is the CA of the comparison: Pebble's own packages in one process with what measures a client.
//
// A proxy in front of it delays each octet by half the latency in each direction, and holds what a new connection
// sends first for one round trip more, as TCP's handshake would. Every request is counted, with its depth: one more
// than the deepest of those whose responses had reached the client when it sent this one.
//
// With -validation 0 every challenge is valid at once and nobody is asked. Otherwise Pebble asks a responder in this
// process, which knows the thumbprint of the last account and responds after that time, so that no client needs a
// responder of its own.
//
// It prints one line of JSON with its address, and another with its counts, which then start anew, for each line that it
// reads. It ends with its standard input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

func main() {
	latency := flag.Duration("latency", 0, "round-trip time of the network")
	validation := flag.Duration("validation", 0, "how long a validation takes; at most 4s, for Pebble waits 5s")
	plain := flag.Bool("plain", false, "HTTP without TLS, for a client that can trust no root of ours")
	root := flag.String("root", "", "file to which the root of the endpoint is written as PEM")
	flag.Parse()

	counts := &counts{latency: *latency}
	responder := &responder{delay: *validation}
	ca := pebble(responder, *validation == 0)
	if *plain {
		ca = withTokens(ca)
	}
	handler := responder.learn(counts.count(ca))
	backend := listen()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: endpoint(*root)}
	go func() {
		if *plain {
			must(server.Serve(backend))
		}
		must(server.ServeTLS(backend, "", ""))
	}()
	front := listen()
	proxy := &proxy{backend: backend.Addr().String(), latency: *latency}
	go proxy.serve(front)

	scheme := "https"
	if *plain {
		scheme = "http"
	}
	fmt.Printf("{\"directory\": \"%s://%s%s\"}\n", scheme, front.Addr(), wfe.DirectoryPath)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		result := counts.take()
		result["connections"] = proxy.connections.Swap(0)
		must(json.NewEncoder(os.Stdout).Encode(result))
	}
}

// pebble returns Pebble's handler, without sleeps, refused nonces, reused authorizations and Retry-After.
func pebble(responder *responder, valid bool) http.Handler {
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0",
		"PEBBLE_VA_ALWAYS_VALID": strconv.FormatBool(valid),
	} {
		must(os.Setenv(name, value))
	}
	logger := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {Description: "ninety days", ValidityPeriod: 7_776_000}}
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, profiles)
	listener := listen()
	go func() { must(http.Serve(listener, responder)) }()
	validator := va.New(logger, port(listener.Addr()), port(listener.Addr()), false, nameServer(), store)
	front := wfe.New(logger, store, validator, authority, []string{"ca.example"}, false, false, 0, 0)
	return front.Handler()
}

// nameServer starts a DNS server for which every name is 127.0.0.1, and returns its address.
func nameServer() string {
	listener := listen() // Pebble asks by TCP
	answer := func(writer dns.ResponseWriter, question *dns.Msg) {
		reply := new(dns.Msg)
		reply.SetReply(question)
		if asked := question.Question[0]; asked.Qtype == dns.TypeA {
			header := dns.RR_Header{Name: asked.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}
			reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
		}
		_ = writer.WriteMsg(reply)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(answer)}
	go func() { must(server.ActivateAndServe()) }()
	return listener.Addr().String()
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	return listener
}

func port(address net.Addr) int {
	return address.(*net.TCPAddr).Port
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
