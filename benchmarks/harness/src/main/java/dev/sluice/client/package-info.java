/** Looks at what no user of the client can see. */
package dev.sluice.client;
