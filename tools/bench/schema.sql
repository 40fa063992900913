-- The usual way to keep quotas in a relational database, kind to PostgreSQL: one row of counters per user with room for
-- updates in place, made before the clock runs; no index that nothing needs; one round trip per event.
create table event (
  id text primary key,
  customer text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  model text not null,
  recorded_at timestamptz not null default now()
);

create table counter (
  customer text primary key,
  day date not null,
  day_used bigint not null,
  week date not null,
  week_used bigint not null,
  month date not null,
  month_used bigint not null
) with (fillfactor = 50);

insert into counter
select 'user-' || lpad(number::text, 12, '0'), current_date, 0, date_trunc('week', current_date), 0,
  date_trunc('month', current_date), 0
from generate_series(0, :users - 1) as number;

create function spend(the_id text, the_customer text, input bigint, output bigint, the_model text) returns bigint
language plpgsql as $$
declare
  used bigint;
begin
  insert into event (id, customer, input_tokens, output_tokens, model)
  values (the_id, the_customer, input, output, the_model);
  insert into counter as known
  values (the_customer, current_date, input + output, date_trunc('week', current_date), input + output,
    date_trunc('month', current_date), input + output)
  on conflict (customer) do update set
    day = excluded.day,
    day_used = excluded.day_used + case when known.day = excluded.day then known.day_used else 0 end,
    week = excluded.week,
    week_used = excluded.week_used + case when known.week = excluded.week then known.week_used else 0 end,
    month = excluded.month,
    month_used = excluded.month_used + case when known.month = excluded.month then known.month_used else 0 end
  returning known.day_used into used;
  return used;
end
$$;

vacuum analyze counter;
checkpoint;
