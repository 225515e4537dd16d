package main

import (
	"net/http"
	"sync"
	"time"
)

// counts are the requests of one client, by what it could know when it sent them.
type counts struct {
	latency                           time.Duration
	mutex                             sync.Mutex
	requests, inFlight, most, deepest int
	ended                             []response // in the order in which they were sent
	arrived                           int        // how many of them the client had at the time of the last request
	depth                             int        // the deepest of those
}

type response struct {
	at    time.Time
	depth int
}

func (c *counts) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		depth := c.begin(time.Now())
		next.ServeHTTP(writer, request)
		c.end(depth)
	})
}

// begin counts a request that arrives now: it was sent half a latency ago, and the responses that the client had by
// then were sent half a latency before that.
func (c *counts) begin(now time.Time) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for c.arrived < len(c.ended) && !c.ended[c.arrived].at.After(now.Add(-c.latency)) {
		c.depth = max(c.depth, c.ended[c.arrived].depth)
		c.arrived++
	}
	c.requests++
	c.inFlight++
	c.most = max(c.most, c.inFlight)
	c.deepest = max(c.deepest, c.depth+1)
	return c.depth + 1
}

func (c *counts) end(depth int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.inFlight--
	c.ended = append(c.ended, response{time.Now(), depth})
}

// take returns the counts, and starts anew.
func (c *counts) take() map[string]any {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	taken := map[string]any{"requests": c.requests, "depth": c.deepest, "in_flight": c.most}
	c.requests, c.most, c.deepest, c.ended, c.arrived, c.depth = 0, 0, 0, nil, 0, 0
	return taken
}
