# Publishes each line of its input as a request, and prints "LINE STATUS REPLY" for each: perl producer.pl ENDPOINT ADDRESS < LINES
use v5.36;
use List::Util qw(max min);
use Time::HiRes qw(time);
use ZMQ::FFI qw(ZMQ_DEALER ZMQ_DONTWAIT ZMQ_RCVTIMEO ZMQ_SNDHWM);
use constant {HELLO => 1, PUBLISH => 2, HEARTBEAT => 5, DRAIN => 6, BYE => 7, WELCOME => 17, CONFIRM => 18, REPLY => 21, ERROR => 22};
my ($context, $session) = (ZMQ::FFI->new, scalar `head -c 16 /dev/urandom`);
my ($beat, $said, $highest, $socket, $greeting, $heard, $told, $sent, $hold, %open, %refused, @due) = (1, 0, 0);
$open{$.} = s/\n\z//r while <STDIN>;    # by sequence: what has no final answer yet
sub record($code, $id, $fields, $body) { pack "N n n Q> a*", 16 + length "$fields$body", 16 + length $fields, $code, $id, "$fields$body" }
sub put($verb, $name = "", $record = "") { $socket->send(pack("a4 C x n x8 a*", "YMP1", $verb, length $name, "$name$record"), ZMQ_DONTWAIT) }
sub hello {    # on a new socket: what another one still had queued is dropped with it, and sent again after WELCOME
    $socket = $context->socket(ZMQ_DEALER);
    $socket->set($_->[0], "int", $_->[1]) for [ZMQ_RCVTIMEO, 100], [ZMQ_SNDHWM, 0];
    $socket->connect($ARGV[0]);
    ($greeting, $heard, my $fields) = (1, time, pack "(C n/a*)*", 1, $session, 2, "\1", 6, pack "Q>", $highest);
    put(HELLO, "producer.pl", record(0, min(keys %open, $highest + 1), $fields, ""));
}
sub hear {    # verb, number, records as [code, id, {tag => value}, body]
    my ($frame, $large) = eval { $socket->recv_multipart } or return 0, 0;
    my ($verb, $length, $number, $rest, @records) = unpack "x4 C x n Q> a*", $frame;
    for ($rest = substr $rest, $length; length $rest; $rest = substr $rest, $length) {
        ($length, my ($body, $code, $id)) = unpack "N n n Q>", $rest;
        my %fields = map { length == 8 ? unpack "Q>" : $_ } unpack "(C n/a)*", substr $rest, 16, $body - 16;
        push @records, [$code, $id, \%fields, $large // substr $rest, $body, $length - $body];
    }
    return $verb, $number, @records;
}
for (hello(); %open || $greeting;) {
    $heard = time if (my ($verb, $number, @records) = hear())[0];
    die "the broker refuses: $records[0][0]\n" if $verb == ERROR && $records[0][0] !~ /428|507/;
    hello() if !$greeting && ($verb == BYE || $verb == ERROR) || time - $heard > 10 * $beat;
    if ($greeting && $verb == WELCOME) {
        ($greeting, $sent, $hold, $told, $beat, %refused) = (0, 0, 0, $records[0][2], $records[0][2]{4} / 1000);
        (delete $open{$_}, say "$_ 413 too large") for grep { 300 + length $open{$_} > $told->{0x90} } keys %open;
        @due = sort { $a <=> $b } keys %open;
    }
    $hold = "inf" if $verb == DRAIN;
    for (!$greeting && ($verb == CONFIRM || $verb == REPLY) ? @records : ()) {
        my ($code, $first, $fields, $body) = @$_;
        ($told->{6}, $told->{5}) = (max($told->{6}, $number), max($told->{5}, $fields->{5} // 0)) if $verb == CONFIRM;
        my @some = grep { exists $open{$_} } $verb == REPLY ? $number : $first .. $fields->{6} // $first;
        delete @refused{@some};
        if ($verb == CONFIRM && $code =~ /429|503|507/) {    # these may not be overtaken, or they would become too old
            $hold = max($hold, time + max(100, $fields->{12} // 0) / 1000);
            (@refused{@some}, @due) = ((1) x @some, sort { $a <=> $b } @due, @some);
        } elsif ($code >= 400 || $verb == REPLY && $code == 200) {    # of a reply in parts this is the last
            (delete $open{$_}, say "$_ $code $body") for @some;
        }
    }
    while (!$greeting && time >= $hold && @due && $due[0] <= $told->{6} && $sent < $told->{5} && (!%refused || $refused{$due[0]})) {
        my $line = $open{my $one = shift @due} // next;
        ($sent, $highest) = ($sent + length $line, max($highest, $one));
        put(PUBLISH, $ARGV[1], record(1, $one, "", $line));
    }
    (put(HEARTBEAT), $said = time) if !$greeting && time - $said >= $beat;
}
(hear())[0] =~ /^(7|22)$/ && last for put(BYE), 1 .. 20;    # BYE says that the broker has read everything, and so does 428
$socket->close;
