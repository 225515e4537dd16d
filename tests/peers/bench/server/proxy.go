package main

import (
	"net"
	"sync/atomic"
	"time"
)

// A proxy delays octets between its clients and the backend.
type proxy struct {
	backend     string
	latency     time.Duration
	connections atomic.Int64
}

// A chunk of octets, and when they arrive on the other side.
type chunk struct {
	octets []byte
	at     time.Time
}

func (p *proxy) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		must(err)
		p.connections.Add(1)
		go p.connect(client, time.Now())
	}
}

func (p *proxy) connect(client net.Conn, accepted time.Time) {
	backend, err := net.Dial("tcp", p.backend)
	if err != nil {
		_ = client.Close()
		return
	}
	// The client's TCP has connected before anything travelled: what it sends first waits for that round trip.
	go p.carry(client, backend, accepted.Add(p.latency*3/2))
	p.carry(backend, client, accepted)
}

// carry copies octets as they are read, each half a latency later, none before earliest.
func (p *proxy) carry(from, to net.Conn, earliest time.Time) {
	chunks := make(chan chunk, 4096)
	go func() {
		defer close(chunks)
		for {
			octets := make([]byte, 16<<10)
			count, err := from.Read(octets)
			if count > 0 {
				at := time.Now().Add(p.latency / 2)
				if at.Before(earliest) {
					at = earliest
				}
				chunks <- chunk{octets[:count], at}
			}
			if err != nil {
				return
			}
		}
	}()
	for chunk := range chunks {
		time.Sleep(time.Until(chunk.at))
		if _, err := to.Write(chunk.octets); err != nil {
			break
		}
	}
	_ = to.Close()
	for range chunks { // so that the reader ends
	}
}
