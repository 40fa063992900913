\set number :number + 1
\set user random(0, :users - 1)
\set input random(100, 899)
\set output random(10, 99)
select spend(concat_ws('-', :run::text, :client_id::text, :number::text), 'user-' || lpad(:user::text, 12, '0'), :input, :output, 'm-small');
